"""The plan of a build: which tracks are written into which shards, which are left out. No audio is opened."""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from tonearm.errors import WrongCallError
from tonearm.learning.building.rules import BuildRules
from tonearm.learning.building.splits import group_of, splits_of
from tonearm.learning.building.vocabulary import LabelValues, Vocabulary, vocabulary_of
from tonearm.learning.labelled.consent import Consent, consent_of
from tonearm.learning.labelled.track import BadRow, LabelledTrack, Split
from tonearm.models.front_end import FrontEnd
from tonearm.transforms.elements.readable import readable
from tonearm.transforms.storage.schemes import LOCAL, scheme_of, stored_uri

SHARD_TRACKS = 64
"""Tracks of a shard, more or less, as a hash of their ids deals them out."""

SHARD_PATCH_BYTES = 64 << 20
"""Bytes of a shard's patches, more or less: what a worker holds while it writes one. Where a track has many
patches, a shard has fewer tracks."""

FEWEST_SHARDS = 8
"""A small split has so many shards at least, of eight tracks or more: it is read in a random order by shards,
and built by as many workers."""

_FLOAT32_BYTES = 4


class NoConsentError(WrongCallError):
    """No track of a manifest may be trained on."""


@dataclass(frozen=True, slots=True)
class PlannedTrack:
    """A track that is to be written.

    Attributes:
        track_id: Its id.
        uri: Where its audio is, absolute.
        place: The same, relative to the manifest's folder if it lies below.
        group: Empty if the manifest gives none.
        labels: Values in the order of the vocabulary.
        licence: As the manifest has it.
        manifest: The file of its row, relative to the manifest's folder.
        manifest_row: Its row.
        metadata: The manifest's further columns.
    """

    track_id: str
    uri: str
    place: str
    group: str
    labels: Sequence[int]
    licence: str
    manifest: str
    manifest_row: int
    metadata: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class PlannedShard:
    """Tracks that are written into one file, in this order.

    Attributes:
        split: The split that they are of.
        tracks: The tracks.
    """

    split: Split
    tracks: Sequence[PlannedTrack]


@dataclass(frozen=True, slots=True)
class UnusableRow:
    """A row of the manifest that cannot be understood.

    Attributes:
        track_id: As far as it can be read.
        place: Where its audio is, as far as that can be read.
        manifest: The file of the row.
        manifest_row: The row.
        problem: Why.
    """

    track_id: str
    place: str
    manifest: str
    manifest_row: int
    problem: str


@dataclass(frozen=True, slots=True)
class BuildPlan:
    """What is going to be built.

    Attributes:
        front_end: What makes the patches.
        rules: What else is asked.
        vocabulary: The labels.
        shards: By split, and in an order that never changes.
        rows: Rows of the manifest.
        missing: Tracks without consent.
        contradicted: Tracks with consent whose file another row names without.
        without_labels: Tracks of whose labels in the vocabulary nothing is known.
        unusable: Rows that cannot be understood.
        folder: The manifest's folder.
        rows_sha256: SHA-256 of all that the rows say.
    """

    front_end: FrontEnd
    rules: BuildRules
    vocabulary: Vocabulary
    shards: Sequence[PlannedShard]
    rows: int
    missing: int
    contradicted: int
    without_labels: int
    unusable: Sequence[UnusableRow]
    folder: str
    rows_sha256: str

    @property
    def tracks(self) -> int:
        """Tracks that are to be written."""
        return sum(len(shard.tracks) for shard in self.shards)


def plan_build(
    rows: Sequence[LabelledTrack | BadRow], manifest: str, front_end: FrontEnd, rules: BuildRules
) -> BuildPlan:
    """Plan a data set: consent first, then splits, labels and shards.

    Args:
        rows: All rows of the manifest.
        manifest: Its location, for messages.
        front_end: What makes the patches.
        rules: What else is asked.

    Raises:
        NoConsentError: No track may be trained on.
        SplitError: The tracks cannot be split so.
        VocabularyError: The labels cannot be learned.
    """
    consent = consent_of(rows)
    _require_consent(consent, [row for row in rows if isinstance(row, BadRow)], manifest)
    splits = splits_of(consent.given, rules)
    training = [track for track in consent.given if splits[group_of(track)] is Split.TRAIN]
    vocabulary = vocabulary_of(consent.given, training, rules)
    places = _Places(common_folder(row.location for row in rows))
    values = LabelValues(vocabulary.labels)
    by_split: dict[Split, list[PlannedTrack]] = defaultdict(list)
    for track in consent.given:
        of_track = values.of(track.labels)
        if of_track.any():
            by_split[splits[group_of(track)]].append(places.planned(track, of_track.tolist()))
    planned = sum(map(len, by_split.values()))
    return BuildPlan(
        front_end=front_end,
        rules=rules,
        vocabulary=vocabulary,
        shards=[shard for split in Split for shard in _shards(split, by_split[split], front_end, rules)],
        rows=len(rows),
        missing=len(consent.missing),
        contradicted=len(consent.contradicted),
        without_labels=len(consent.given) - planned,
        unusable=[places.unusable(row) for row in rows if isinstance(row, BadRow)],
        folder=places.folder,
        rows_sha256=places.digest(rows),
    )


def common_folder(locations: Iterable[str]) -> str:
    """The innermost folder that files lie in or below.

    Example:
        >>> common_folder(["gs://b/lists/a.csv", "gs://b/lists/more/b.csv"]), common_folder(["/a.csv"])
        ('gs://b/lists', '')
    """
    folders = {tuple(location.split("/")[:-1]) for location in locations}
    common = []
    for parts in zip(*folders, strict=False):
        if len(set(parts)) > 1:
            break
        common.append(parts[0])
    return "/".join(common)


def rows_digest(rows: Sequence[LabelledTrack | BadRow]) -> str:
    """SHA-256 of all that rows say, which does not depend on where their manifest lies; in hex."""
    return _Places(common_folder(row.location for row in rows)).digest(rows)


def _require_consent(consent: Consent, unusable: Sequence[BadRow], manifest: str) -> None:
    if consent.given:
        return
    reasons = []
    if consent.missing:
        reasons.append(
            f"{len(consent.missing)} lack training_opt_in = true, which whoever owns them must give"
        )
    if consent.contradicted:
        reasons.append(f"of {len(consent.contradicted)} another row names the file without consent")
    if unusable:
        first = unusable[0]
        reasons.append(f"{len(unusable)} rows cannot be used (row {first.number}: {first.problem})")
    raise NoConsentError(
        f"{manifest}: no track may be trained on: {'; '.join(reasons) or 'it has no rows'}. "
        "`tonearm dataset check` tells the rows"
    )


def _shards(
    split: Split, tracks: Sequence[PlannedTrack], front_end: FrontEnd, rules: BuildRules
) -> list[PlannedShard]:
    """Deal the tracks of a split out by a hash of their ids, so that each shard is a random sample of it."""
    patch_bytes = _FLOAT32_BYTES * front_end.patch_frames * front_end.mel_bands
    fitting = SHARD_PATCH_BYTES // (patch_bytes * rules.patches_per_track)
    of_shard = max(1, min(SHARD_TRACKS, fitting))
    count = max(-(-len(tracks) // of_shard), min(FEWEST_SHARDS, -(-len(tracks) // FEWEST_SHARDS)))
    dealt: dict[int, list[tuple[int, PlannedTrack]]] = defaultdict(list)
    for track in tracks:
        place = int.from_bytes(hashlib.sha256(track.track_id.encode()).digest(), "big")
        dealt[place % count].append((place, track))
    return [
        PlannedShard(split, [track for _, track in sorted(dealt[number], key=lambda each: each[0])])
        for number in sorted(dealt)
    ]


class _Places:
    """Tells where things are from the manifest's folder, so that nothing depends on where that folder is."""

    def __init__(self, folder: str) -> None:
        self.folder = folder

    def planned(self, track: LabelledTrack, labels: Sequence[int]) -> PlannedTrack:
        return PlannedTrack(
            track_id=track.track_id,
            uri=stored_uri(track.uri),
            place=self._relative(track.uri),
            group=track.group,
            labels=labels,
            licence=track.licence,
            manifest=self._relative(track.location),
            manifest_row=track.number,
            metadata={readable(name): readable(value) for name, value in sorted(track.metadata.items())},
        )

    def unusable(self, row: BadRow) -> UnusableRow:
        place, manifest = self._relative(row.uri), self._relative(row.location)
        return UnusableRow(readable(row.track_id), place, manifest, row.number, readable(row.problem))

    def digest(self, rows: Sequence[LabelledTrack | BadRow]) -> str:
        digest = hashlib.sha256()
        for row in rows:
            digest.update(json.dumps(self._said(row), sort_keys=True).encode() + b"\n")
        return digest.hexdigest()

    def _said(self, row: LabelledTrack | BadRow) -> list[object]:
        place = [self._relative(row.location), row.number, row.track_id, self._relative(row.uri)]
        if isinstance(row, BadRow):
            return [*place, row.problem.replace(self.folder, ""), bool(row.training_opt_in)]
        consent = [bool(row.training_opt_in), str(row.split or ""), row.licence]
        return [*place, row.labels.values, row.group, *consent, dict(row.metadata)]

    def _relative(self, location: str) -> str:
        stored = stored_uri(location)
        below = stored.removeprefix(f"{self.folder}/")
        return (
            below if below != stored and scheme_of(below) == LOCAL and not below.startswith("/") else stored
        )
