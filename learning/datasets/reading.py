"""Reading a built data set: opened by its description, then track by track; never loaded as a whole."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, replace

from tonearm.learning.datasets.description import (
    DESCRIPTION,
    Description,
    ShardEntry,
    description_of,
    front_end_in,
    shards_in,
)
from tonearm.learning.datasets.places import located_dataset
from tonearm.learning.datasets.shard_file import tracks_of_shard
from tonearm.learning.datasets.track import DatasetError, DatasetTrack
from tonearm.learning.labelled.track import Split
from tonearm.models.front_end import FrontEnd
from tonearm.transforms.sources.relative_uri import absolute_uri
from tonearm.transforms.storage.contract import StorageError
from tonearm.transforms.storage.objects import joined, objects_below, opened_object, read_object


@dataclass(frozen=True, slots=True)
class Shard:
    """A shard of an opened data set.

    Attributes:
        location: Path or URL of its file.
        entry: What the data set says of it.
        audio_folder: Where the manifest lay, from which relative places of audio are meant.
        front_end: What made the data set's patches.
        labels: The data set's vocabulary.
    """

    location: str
    entry: ShardEntry
    audio_folder: str
    front_end: FrontEnd
    labels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Dataset:
    """A data set that was opened for some of its splits.

    Attributes:
        location: Its folder or URL.
        digest: Its name, in hex: two data sets with the same digest hold the same.
        front_end: What made its patches.
        labels: The vocabulary, in the order of each track's labels.
        splits: The splits that it was opened for.
        description: All that ``dataset.json`` says.
    """

    location: str
    digest: str
    front_end: FrontEnd
    labels: tuple[str, ...]
    splits: frozenset[Split]
    description: Description

    def shards(self, split: Split) -> tuple[Shard, ...]:
        """The shards of a split, in the same order at every call; each is a random sample of the split.

        Raises:
            ValueError: The data set was opened for other splits.
        """
        if split not in self.splits:
            raise ValueError(f"the data set was not opened for {split}")
        folder = self.description["origin"]["folder"]
        return tuple(
            Shard(joined(self.location, str(split), entry.name), entry, folder, self.front_end, self.labels)
            for entry in shards_in(self.description)
            if entry.split is split
        )


def open_dataset(location: str, splits: Collection[Split]) -> Dataset:
    """Open a data set for some of its splits; of the others nothing is looked at, and nothing need be there.

    Args:
        location: Its folder, or its URL in a store.
        splits: What is going to be read.

    Raises:
        DatasetError: There is none, its description was changed, or shards of these splits are missing or of
            another size.
    """
    location = located_dataset(location)
    try:
        found = read_object(joined(location, DESCRIPTION))
        if found is None:
            raise DatasetError(
                f"{location} holds no data set: {DESCRIPTION} is missing. `tonearm dataset build` writes it "
                "last; if a build was stopped, the same command finishes it"
            )
        dataset = _described(location, found.content, frozenset(splits))
        for split in sorted(dataset.splits):
            _require_shards(dataset, split)
    except StorageError as error:
        raise DatasetError(f"{location} cannot be read: {error.message}") from error
    return dataset


def require_unchanged(location: str, entry: ShardEntry) -> None:
    """Read a shard's file from end to end and hold it against the data set's digest of it.

    Pages of a shard have checksums, but where they lie and what they are is told outside of them.

    Args:
        location: The shard's file.
        entry: What the data set says of it.

    Raises:
        DatasetError: It is another file, or cannot be read.
    """
    try:
        with opened_object(location) as file:
            found = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]
    except (StorageError, OSError) as error:
        raise DatasetError(f"{location} cannot be read: {error}") from error
    if found != entry.sha256:
        raise DatasetError(
            f"{location} is damaged or another file: its SHA-256 is {found[:12]}… in place of "
            f"{entry.sha256[:12]}…; build the data set anew, or copy it again"
        )


def read_shard(shard: Shard) -> Iterator[DatasetTrack]:
    """The tracks of a shard, one at a time, in the same order at every call.

    Raises:
        DatasetError: The file is damaged: what is read has checksums.
    """
    try:
        with opened_object(shard.location) as file:
            for track in tracks_of_shard(file, shard.front_end, shard.labels):
                yield replace(track, uri=absolute_uri(track.uri, joined(shard.audio_folder, "manifest")))
    except DatasetError as error:
        raise DatasetError(f"{shard.location} {error}: build the data set anew") from error
    except (StorageError, OSError) as error:
        raise DatasetError(f"{shard.location} cannot be read: {error}") from error


def _described(location: str, content: bytes, splits: frozenset[Split]) -> Dataset:
    try:
        description = description_of(content)
        return Dataset(
            location=location,
            digest=description["digest"],
            front_end=front_end_in(description),
            labels=tuple(description["labels"]),
            splits=splits,
            description=description,
        )
    except DatasetError as error:
        raise DatasetError(f"{joined(location, DESCRIPTION)} {error}") from error


def _require_shards(dataset: Dataset, split: Split) -> None:
    shards = dataset.shards(split)
    sizes = {found.uri: found.size_bytes for found in objects_below(joined(dataset.location, str(split)))}
    for shard in shards:
        present = sizes.get(shard.location)
        if present is None:
            raise DatasetError(f"{shard.location} is missing: build the data set anew, or copy all of it")
        if present != shard.entry.size_bytes:
            raise DatasetError(
                f"{shard.location} has {present} bytes in place of {shard.entry.size_bytes}: it is cut or "
                "was changed; build the data set anew, or copy it again"
            )
