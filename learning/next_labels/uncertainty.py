"""How unsure a tagger is of a track: how near its scores are to the thresholds of its tags."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, field

from tonearm.transforms.tables.schemas import Row

_LOWEST, _HIGHEST = 0.001, 0.999
"""Between these a threshold has scores on both sides."""


@dataclass(frozen=True, slots=True)
class WantedTags:
    """Which tags labels are asked for; all if nothing is named.

    Attributes:
        facets: All tags of these.
        tags: These tags.
    """

    facets: Collection[str] = ()
    tags: Collection[str] = ()

    def of(self, row: Row) -> Iterator[Row]:
        """The wanted ones among a row's tags."""
        wants_all = not self.facets and not self.tags
        for tag in row["tags"]:
            if wants_all or tag["facet"] in self.facets or tag["tag"] in self.tags:
                yield tag


@dataclass(slots=True)
class Thresholds:
    """The thresholds of a tagger's tags, as its rows show them: each is the lowest score that was selected.

    So they are known without the bundle, which may be gone. A tag that was never selected counts as most
    uncertain where its score is highest.
    """

    _selected: dict[str, float] = field(default_factory=dict)
    _highest: dict[str, float] = field(default_factory=dict)

    def learn(self, tags: Iterable[Row]) -> None:
        """Take a track's tags into account."""
        for tag in tags:
            name, score = tag["tag"], tag["score"]
            self._highest[name] = max(score, self._highest.get(name, 0.0))
            if tag["selected"]:
                self._selected[name] = min(score, self._selected.get(name, 1.0))

    @property
    def tags(self) -> list[str]:
        """All tags, sorted."""
        return sorted(self._highest)

    def of(self, tag: str) -> float:
        """The threshold of a tag that was seen."""
        return min(max(self._selected.get(tag, self._highest[tag]), _LOWEST), _HIGHEST)

    def uncertainty_of(self, tag: Row) -> float:
        """How unsure a tagger is of a tag on a track: 1 at its threshold, 0 at scores of 0 and 1."""
        threshold, score = self.of(tag["tag"]), tag["score"]
        return float(score / threshold if score < threshold else (1 - score) / (1 - threshold))
