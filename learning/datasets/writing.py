"""Writing the files of a data set: each named by its content, whole or not at all; the description last."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence

from tonearm.learning.datasets.description import (
    DESCRIPTION,
    Description,
    ShardEntry,
    description_bytes,
    with_digest,
)
from tonearm.learning.datasets.shard_file import shard_bytes
from tonearm.learning.datasets.track import DatasetTrack
from tonearm.learning.labelled.track import Split
from tonearm.models.front_end import FrontEnd
from tonearm.transforms.storage.objects import joined, write_object

_DIGITS_IN_NAME = 24


def write_shard(
    location: str, split: Split, tracks: Iterable[DatasetTrack], front_end: FrontEnd, labels: Sequence[str]
) -> ShardEntry | None:
    """Write a shard of a data set.

    Args:
        location: The data set.
        split: Which split its tracks are of.
        tracks: Taken one at a time, and not kept.
        front_end: What made their patches.
        labels: The vocabulary.

    Returns:
        What the description is to list; None if there is no track, and so no file.

    Raises:
        StorageError: It cannot be written.
    """
    count = _Count()
    content = shard_bytes(count.counted(tracks), front_end, labels)
    if not count.tracks:
        return None
    sha256 = hashlib.sha256(content).hexdigest()
    name = f"shard-{sha256[:_DIGITS_IN_NAME]}.parquet"
    write_object(joined(location, str(split), name), content)
    return ShardEntry(split, name, sha256, content.size, count.tracks, count.patches)


def write_description(location: str, told: Description) -> Description:
    """Write ``dataset.json``, with which a data set is whole.

    Args:
        location: The data set.
        told: The description without its format and digest.

    Returns:
        The description with them.

    Raises:
        StorageError: It cannot be written.
    """
    description = with_digest(told)
    write_object(joined(location, DESCRIPTION), description_bytes(description))
    return description


class _Count:
    def __init__(self) -> None:
        self.tracks = self.patches = 0

    def counted(self, tracks: Iterable[DatasetTrack]) -> Iterator[DatasetTrack]:
        for track in tracks:
            self.tracks += 1
            self.patches += len(track.patches)
            yield track
