"""Data sets that hold a track: found below folders, and written anew without it from what they hold.

No audio is opened for that: a shard's other tracks are copied bit for bit, and of all other shards nothing is
touched. The data set has another digest then. What it was called before stays in its ``origin``, so that
bundles that learned from it can still be found. A build that was not finished has no description; what it had
written of the track is deleted, and the next build writes it anew.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tonearm.learning.building.tallies import BUILDING
from tonearm.learning.datasets.description import (
    DESCRIPTION,
    Description,
    ShardEntry,
    description_of,
    front_end_in,
    shard_told,
    shards_in,
)
from tonearm.learning.datasets.reading import require_unchanged
from tonearm.learning.datasets.shard_file import tracks_of_shard
from tonearm.learning.datasets.track import DatasetError, DatasetTrack
from tonearm.learning.datasets.writing import write_description, write_shard
from tonearm.transforms.storage.objects import (
    delete,
    files_below,
    joined,
    names_below,
    opened_object,
    read_object,
)

_REPLACES = "replaces"
"""In ``origin``: the digests that the data set had before, and the tracks that were then withdrawn."""


@dataclass(frozen=True, slots=True)
class HeldTrack:
    """A track in a data set.

    Attributes:
        track_id: Its id.
        content_sha256: SHA-256 of its audio file.
    """

    track_id: str
    content_sha256: str


@dataclass(frozen=True, slots=True)
class FoundDataset:
    """A data set, or what there is of one.

    Attributes:
        location: Its folder or URL.
        description: What ``dataset.json`` says; None if it was never finished.
        tracks: By the name of each shard's file, with its folder.
    """

    location: str
    description: Description | None
    tracks: Mapping[str, Sequence[HeldTrack]]

    @property
    def digests(self) -> Sequence[str]:
        """What it was called before tracks were withdrawn, and is called now; the oldest first."""
        now = [self.description["digest"]] if self.description else []
        return [*(each["digest"] for each in self._replaced), *now]

    def digests_with(self, track_ids: Collection[str]) -> Sequence[str]:
        """What it was called while it held any of the tracks."""
        if self.shards_with(track_ids):
            return self.digests
        held = [place for place, each in enumerate(self._replaced) if set(each["without"]) & set(track_ids)]
        return self.digests[: held[-1] + 1] if held else ()

    @property
    def _replaced(self) -> Sequence[Mapping[str, Any]]:
        return self.description["origin"].get(_REPLACES, ()) if self.description else ()

    def shards_with(self, track_ids: Collection[str]) -> list[str]:
        """The shards that hold any of the tracks."""
        return [
            name
            for name, tracks in self.tracks.items()
            if any(track.track_id in track_ids for track in tracks)
        ]


def read_dataset(folder: str) -> FoundDataset:
    """Read which tracks a data set holds, whole or not; patches are not read.

    Raises:
        DatasetError: It is damaged.
        StorageError: It cannot be read.
    """
    found = read_object(joined(folder, DESCRIPTION))
    try:
        description = description_of(found.content) if found else None
    except DatasetError as error:
        raise DatasetError(f"{joined(folder, DESCRIPTION)} {error}") from error
    names = names_below(folder, ".parquet")
    shards = {name: _tracks(joined(folder, name)) for name in names if "/shard-" in name}
    return FoundDataset(folder, description, shards)


def _tracks(shard: str) -> list[HeldTrack]:
    columns = ["track_id", "content_sha256"]
    try:
        with opened_object(shard) as file:
            return [HeldTrack(**row) for row in pq.read_table(file, columns=columns).to_pylist()]
    except (pa.ArrowException, OSError) as error:
        raise DatasetError(f"{shard} is cut, damaged or no shard ({type(error).__name__})") from error


def remove_tracks(
    dataset: FoundDataset, track_ids: Collection[str], rows_sha256: Mapping[str, str]
) -> Description | None:
    """Write a data set without some tracks; a kill leaves it as it was, or without them.

    New shards are written first, then the description, and what it no longer names is deleted last.

    Args:
        dataset: What holds them.
        track_ids: The tracks.
        rows_sha256: The digest that a manifest's rows have now, by the one that they had: the data set is
            then the one that the manifest, as it is now, is built to.

    Returns:
        Its description now; None if it was never finished.
    """
    outdated = dataset.shards_with(track_ids)
    if dataset.description is None:
        building = files_below(joined(dataset.location, BUILDING))
        delete([joined(dataset.location, name) for name in outdated] + building)
        return None
    told = {**dataset.description}
    removed: list[DatasetTrack] = []
    shards: list[ShardEntry] = []
    for entry in shards_in(told):
        is_outdated = f"{entry.split}/{entry.name}" in outdated
        kept = _without(dataset, entry, track_ids, removed) if is_outdated else entry
        shards += [kept] if kept else []
    told["shards"] = [shard_told(shard) for shard in shards]
    told["splits"] = {
        split: _split_told(dataset.location, shards, split, told["labels"]) for split in told["splits"]
    }
    told["counts"] = _moved(told["counts"], "written", "without_consent", len(removed))
    told["consent"] = {**told["consent"], "missing": told["consent"]["missing"] + len(removed)}
    before = told["manifest"]["rows_sha256"]
    told["manifest"] = {**told["manifest"], "rows_sha256": rows_sha256.get(before, before)}
    replaced = {"digest": told["digest"], "without": sorted(track.track_id for track in removed)}
    told["origin"] = {**told["origin"], _REPLACES: [*told["origin"].get(_REPLACES, ()), replaced]}
    described = write_description(dataset.location, told)
    kept_names = {f"{shard.split}/{shard.name}" for shard in shards}
    delete([joined(dataset.location, name) for name in outdated if name not in kept_names])
    return described


def _without(
    dataset: FoundDataset, entry: ShardEntry, track_ids: Collection[str], removed: list[DatasetTrack]
) -> ShardEntry | None:
    """A shard written without some tracks, which are added to ``removed``; None if no other is in it."""
    assert dataset.description is not None

    def kept(tracks: Iterator[DatasetTrack]) -> Iterator[DatasetTrack]:
        for track in tracks:
            if track.track_id in track_ids:
                removed.append(replace(track, patches=track.patches[:0]))
            else:
                yield track

    front_end, labels = front_end_in(dataset.description), dataset.description["labels"]
    place = joined(dataset.location, str(entry.split), entry.name)
    require_unchanged(place, entry)
    with opened_object(place) as file:
        tracks = tracks_of_shard(file, front_end, labels)
        return write_shard(dataset.location, entry.split, kept(tracks), front_end, labels)


def _split_told(
    location: str, shards: Sequence[ShardEntry], split: str, labels: Sequence[str]
) -> dict[str, Any]:
    """What a description says of a split, read from its shards; patches are not read."""
    of_split = [shard for shard in shards if str(shard.split) == split]
    rows: list[dict[str, Any]] = []
    for shard in of_split:
        with opened_object(joined(location, split, shard.name)) as file:
            rows += pq.read_table(file, columns=["track_id", "group", "labels", "duration_s"]).to_pylist()
    values = {label: Counter(row["labels"][place] for row in rows) for place, label in enumerate(labels)}
    return {
        "tracks": len(rows),
        "groups": len({row["group"] or f"\n{row['track_id']}" for row in rows}),
        "patches": sum(shard.patches for shard in of_split),
        "seconds": round(sum(row["duration_s"] for row in rows), 3),
        "labels": {
            label: {"positive": of_label[1], "negative": of_label[-1], "unknown": of_label[0]}
            for label, of_label in values.items()
        },
    }


def _moved(counts: Mapping[str, int], source: str, target: str, count: int) -> dict[str, int]:
    return {**counts, source: counts[source] - count, target: counts[target] + count}
