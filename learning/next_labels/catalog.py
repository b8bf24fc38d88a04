"""A tagger's rows of a catalog, read in bounded pieces: once to survey them, once to weigh its tracks."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from difflib import get_close_matches

import numpy as np
import numpy.typing as npt

from tonearm.errors import WrongCallError
from tonearm.learning.next_labels.asked import AskedTracks
from tonearm.learning.next_labels.uncertainty import Thresholds, WantedTags
from tonearm.transforms.tables.schemas import Row
from tonearm.transforms.tables.stored_rows import table_rows

_KEY = ("track_id", "generation", "run_id")
_SURVEYED = [*_KEY, "analyzed_at", "uri", "content_sha256", "tags"]
_WEIGHED = [*_SURVEYED, "metadata"]
_GROUPS = ("group", "artist")
"""Columns of the catalog's own manifest that tell a track's group, as in a labelled manifest."""
_TAGS_TOLD = 3


@dataclass(frozen=True, slots=True)
class ScoredTrack:
    """A track, and what its tagger makes of it.

    Attributes:
        key: ``track_id``, ``generation`` and ``run_id`` of its row.
        uri: Where it lies.
        content_sha256: SHA-256 of its file.
        uncertainty: How unsure the tagger is of the wanted tags: their mean, 0 to 1.
        said: The wanted tags that it selected, in the form of labels.
        unsure: The wanted tags whose scores are nearest to their thresholds, with both.
        metadata: The other columns of the catalog's manifest.
    """

    key: tuple[str, ...]
    uri: str
    content_sha256: str
    uncertainty: float
    said: str
    unsure: str
    metadata: Mapping[str, str]

    @property
    def track_id(self) -> str:
        """The catalog's id."""
        return self.key[0]

    @property
    def group(self) -> str:
        """Its artist, or whatever the catalog names as its group; empty if it names none."""
        named = {name.casefold(): value for name, value in self.metadata.items()}
        return next((named[name] for name in _GROUPS if named.get(name)), "")


_Heard = tuple[tuple[str, ...], str]
"""The key of a row, and the SHA-256 of its file."""


@dataclass(slots=True)
class Survey:
    """What has to be known of all rows before any track is weighed. A million tracks take some 400 MB.

    Attributes:
        thresholds: Of all tags.
        has_wanted: True if a row has a wanted tag.
        latest: Moment and run of each track's latest row.
        asked_ids: Tracks that were asked for before.
        asked_keys: Their rows.
        heard: SHA-256 of their files: who asks for the same audio under another name asks twice.
        met_at: Rows by their place, where it was asked for: a manifest may have other ids than the catalog.
    """

    thresholds: Thresholds = field(default_factory=Thresholds)
    has_wanted: bool = False
    latest: dict[str, tuple[datetime, str]] = field(default_factory=dict)
    asked_ids: set[str] = field(default_factory=set)
    asked_keys: set[tuple[str, ...]] = field(default_factory=set)
    heard: set[str] = field(default_factory=set)
    met_at: defaultdict[str, list[_Heard]] = field(default_factory=lambda: defaultdict(list))

    def add(self, row: Row, asked: AskedTracks, wanted: WantedTags) -> None:
        """Take a row into account."""
        self.thresholds.learn(row["tags"])
        self.has_wanted |= any(True for _ in wanted.of(row))
        moment = row["analyzed_at"], row["run_id"]
        self.latest[row["track_id"]] = max(moment, self.latest.get(row["track_id"], moment))
        heard = _key_of(row), row["content_sha256"]
        if row["track_id"] in asked.track_ids:
            self._take_as_asked([heard])
        if row["uri"] in asked.uris:
            self.met_at[row["uri"]].append(heard)

    def settle_places(self) -> None:
        """Tell, when all rows are there, which tracks were asked for by their place.

        A place with several tracks that are not the same audio names none of them: it may be one file of many
        spectrograms.
        """
        for rows in self.met_at.values():
            by_track: defaultdict[str, set[str]] = defaultdict(set)
            for (track_id, *_), content_sha256 in rows:
                by_track[track_id].add(content_sha256)
            first, *others = by_track.values()
            if not others or any(first.intersection(*others)):
                self._take_as_asked(rows)
        self.met_at.clear()

    def was_asked(self, row: Row) -> bool:
        """True if a row is of a track that was asked for, or of the same audio."""
        return row["track_id"] in self.asked_ids or row["content_sha256"] in self.heard

    def _take_as_asked(self, rows: Iterable[_Heard]) -> None:
        for key, content_sha256 in rows:
            self.asked_ids.add(key[0])
            self.asked_keys.add(key)
            if content_sha256:  # who hands over spectrograms may leave it empty
                self.heard.add(content_sha256)

    def counts(self, row: Row) -> bool:
        """True if a row is its track's latest one."""
        return self.latest[row["track_id"]] == (row["analyzed_at"], row["run_id"])


def survey(output: str, tagger: str, asked: AskedTracks, wanted: WantedTags) -> Survey:
    """Read all rows of a tagger once.

    Raises:
        WrongCallError: No row has a wanted tag.
        OutputError: The tables cannot be read.
    """
    found = Survey()
    for row in table_rows(output, "track_tags", _SURVEYED, tagger=tagger):
        found.add(row, asked, wanted)
    found.settle_places()
    if not found.latest:
        raise WrongCallError(f"{output} has no tracks of {tagger}; its failures say why")
    known = found.thresholds.tags
    for tag in wanted.tags:
        if tag not in known:
            close = get_close_matches(tag, known, n=1)
            hint = f"; did you mean {close[0]}?" if close else f"; it has {', '.join(known)}"
            raise WrongCallError(f"{tagger} has no tag {tag}{hint}")
    if not found.has_wanted:
        raise WrongCallError(
            f"{output} has no row of {tagger} with a tag of {', '.join(sorted(wanted.facets))}"
        )
    return found


def tracks_to_weigh(output: str, tagger: str, surveyed: Survey, wanted: WantedTags) -> Iterator[ScoredTrack]:
    """The tracks that labels may be asked for, each once, by its latest row."""
    told: set[str] = set()
    for row in table_rows(output, "track_tags", _WEIGHED, tagger=tagger):
        if not surveyed.counts(row) or surveyed.was_asked(row) or row["track_id"] in told:
            continue
        told.add(row["track_id"])
        yield _scored(row, surveyed.thresholds, wanted)


def embeddings_of(
    output: str, tagger: str, wanted: Sequence[tuple[str, ...]]
) -> dict[tuple[str, ...], npt.NDArray[np.float32]]:
    """Embeddings by the key of their row, float32 [dim] each, of those rows that have one."""
    keys = set(wanted)
    rows = table_rows(output, "embeddings", [*_KEY, "vector"], tagger=tagger)
    return {key: np.asarray(row["vector"], np.float32) for row in rows if (key := _key_of(row)) in keys}


def _key_of(row: Row) -> tuple[str, ...]:
    return tuple(row[name] for name in _KEY)


def _scored(row: Row, thresholds: Thresholds, wanted: WantedTags) -> ScoredTrack:
    by_uncertainty = sorted(
        ((thresholds.uncertainty_of(tag), tag) for tag in wanted.of(row)), key=lambda each: -each[0]
    )
    return ScoredTrack(
        key=_key_of(row),
        uri=row["uri"],
        content_sha256=row["content_sha256"],
        uncertainty=sum(each for each, _ in by_uncertainty) / max(1, len(by_uncertainty)),
        said="; ".join(tag["tag"] for tag in wanted.of(row) if tag["selected"]),
        unsure="; ".join(
            f"{tag['tag']} {tag['score']:.2f} of {thresholds.of(tag['tag']):.2f}"
            for _, tag in by_uncertainty[:_TAGS_TOLD]
        ),
        metadata=dict(row["metadata"] or ()),
    )
