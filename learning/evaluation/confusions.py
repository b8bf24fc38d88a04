"""Which tag of a facet is said for which other: brass heard as reed, jazz as blues."""

from __future__ import annotations

from dataclasses import dataclass

from tonearm.learning.evaluation.table import Table


@dataclass(frozen=True, slots=True)
class Confusion:
    """How often a tag is said wrongly of tracks that have another one.

    Attributes:
        holds: Label that these tracks have.
        said: Label that they are known to lack.
        tracks: How many such tracks there are.
        wrongly: Of how many of them it is said all the same.
        instead: Of how many of these the label that holds is not said.
    """

    holds: str
    said: str
    tracks: int
    wrongly: int
    instead: int

    @property
    def share(self) -> float | None:
        """Share of the tracks of which it is said wrongly; None if there are none."""
        return self.wrongly / self.tracks if self.tracks else None


def confusions(table: Table) -> dict[str, list[Confusion]]:
    """By facet of two tags or more, every pair of its tags, in the order of the tags."""
    said = table.scores >= table.thresholds
    holds, lacks = table.truths > 0, table.truths < 0
    found: dict[str, list[Confusion]] = {}
    for facet, places in table.facets.items():
        for holding in places:
            for other in places:
                if other == holding:
                    continue
                tracks = holds[:, holding] & lacks[:, other]
                wrongly = tracks & said[:, other]
                confusion = Confusion(
                    holds=table.tags[holding].label,
                    said=table.tags[other].label,
                    tracks=int(tracks.sum()),
                    wrongly=int(wrongly.sum()),
                    instead=int((wrongly & ~said[:, holding]).sum()),
                )
                found.setdefault(facet, []).append(confusion)
    return found
