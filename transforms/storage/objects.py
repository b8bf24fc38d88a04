"""Files of the tables, on a disk or in a store: written whole, listed, read, moved, deleted.

By Beam's filesystems, but for S3: Beam makes a client for each call there, which costs more than the call.
"""

from __future__ import annotations

import io
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import pyarrow as pa
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from tonearm.transforms.storage.s3 import SCHEME as S3
from tonearm.transforms.storage.s3 import call, listed, read_object, split

_DELETED_AT_ONCE = 1000
"""S3 takes no more keys in one request."""


def write_object(location: str, content: bytes | pa.Buffer) -> None:
    """Write an object so that it appears whole or not at all.

    Object stores do so by themselves; on a disk a hidden file is written first and renamed.
    """
    if location.startswith(S3):
        bucket, key = split(location)
        call("put_object", Bucket=bucket, Key=key, Body=bytes(content))
    elif "://" in location:
        _create(location, content)
    else:
        path = Path(location)
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f".{path.name}.part")
        _create(str(part), content)
        part.replace(path)


def files_below(folder: str, ending: str = "") -> list[str]:
    """All files in a folder and its folders, sorted; none if there is no such folder."""
    if folder.startswith(S3):
        bucket, key = split(folder)
        names = (f"{S3}{bucket}/{entry['Key']}" for entry in listed(bucket, f"{key}/"))
        return sorted(name for name in names if name.endswith(ending))
    (match,) = FileSystems.match([FileSystems.join(folder, f"**{ending}")])
    return sorted(metadata.path for metadata in match.metadata_list)


@contextmanager
def opened_object(location: str) -> Iterator[BinaryIO]:
    """A file of a table for reading; of S3, all of it at once."""
    if location.startswith(S3):
        bucket, key = split(location)
        yield io.BytesIO(read_object(bucket, key))
        return
    with FileSystems.open(location, compression_type=CompressionTypes.UNCOMPRESSED) as file:
        yield file


def move(source: str, target: str) -> None:
    """Move a file; it appears at its new place whole."""
    if source.startswith(S3):
        (from_bucket, from_key), (bucket, key) = split(source), split(target)
        place = {"Bucket": from_bucket, "Key": from_key}
        call("copy_object", Bucket=bucket, Key=key, CopySource=place)
        call("delete_object", **place)
        return
    if "://" not in target:
        Path(target).parent.mkdir(parents=True, exist_ok=True)
    FileSystems.rename([source], [target])


def delete(locations: Sequence[str]) -> None:
    """Delete files of one bucket or disk."""
    if not locations:
        return
    if not locations[0].startswith(S3):
        FileSystems.delete(list(locations))
        return
    bucket, _ = split(locations[0])
    for first in range(0, len(locations), _DELETED_AT_ONCE):
        keys = [{"Key": split(location)[1]} for location in locations[first : first + _DELETED_AT_ONCE]]
        call("delete_objects", Bucket=bucket, Delete={"Objects": keys, "Quiet": True})


def _create(location: str, content: bytes | pa.Buffer) -> None:
    with FileSystems.create(
        location, "application/octet-stream", compression_type=CompressionTypes.UNCOMPRESSED
    ) as file:
        file.write(content)
