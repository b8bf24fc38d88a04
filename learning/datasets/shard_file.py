"""The file of a shard: Parquet with a row group for each track, so that one is read without the others.

Float32 keeps every bit of what ingestion shows a network. The file tells by itself which front end made its
patches and which labels its numbers stand for. The same tracks give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from tonearm.learning.datasets.track import DatasetError, DatasetTrack
from tonearm.models.front_end import FrontEnd
from tonearm.transforms.elements.failure import TrackError
from tonearm.transforms.spectrograms.front_end_settings import front_end_of, settings_text

_FRONT_END = b"tonearm.front_end"
_LABELS = b"tonearm.labels"

_COLUMNS: Sequence[tuple[str, pa.DataType, str]] = (
    ("track_id", pa.string(), "The catalog's own id of the track"),
    (
        "uri",
        pa.string(),
        "Where the audio was read from; relative if it lies below the manifest's folder",
    ),
    ("group", pa.string(), "What does not stand on both sides of a split; empty if not known"),
    ("labels", pa.list_(pa.int8()), "By label of the vocabulary: 1 holds, -1 does not, 0 is unknown"),
    ("content_sha256", pa.string(), "SHA-256 of the audio file, in hex"),
    ("licence", pa.string(), "Licence as the manifest has it; empty if not known"),
    ("manifest", pa.string(), "File of the manifest that gives consent, from the manifest's folder"),
    ("manifest_row", pa.int64(), "Row of that file, from 1, without the header"),
    ("metadata", pa.map_(pa.string(), pa.string()), "The manifest's further columns"),
    ("codec", pa.string(), "Codec of the audio, such as flac"),
    ("duration_s", pa.float64(), "Seconds of audio that were decoded"),
    ("truncated", pa.bool_(), "Yes if less was decoded than the file promises"),
    ("starts_s", pa.list_(pa.float64()), "Where each patch begins in the track, in seconds"),
    ("patches", pa.list_(pa.float32()), "log10(log_gain * mel_power + 1) [patches, patch_frames, mel_bands]"),
)

_SCHEMA = pa.schema(
    [pa.field(name, kind, False, {"description": meaning}) for name, kind, meaning in _COLUMNS]
)

_FILE_OPTIONS: Mapping[str, Any] = {
    "compression": "zstd",
    "use_dictionary": False,
    "use_byte_stream_split": ["patches.list.element"],
    "write_page_checksum": True,
    "write_statistics": ["track_id"],
}


def shard_bytes(tracks: Iterable[DatasetTrack], front_end: FrontEnd, labels: Sequence[str]) -> pa.Buffer:
    """The file of a shard; of all its patches one track's are held besides the file.

    Args:
        tracks: In the order in which they are to be read; taken one at a time.
        front_end: What made their patches.
        labels: The vocabulary.
    """
    told = {_FRONT_END: settings_text(front_end), _LABELS: json.dumps(list(labels), ensure_ascii=False)}
    schema = _SCHEMA.with_metadata(told)
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, schema, **_FILE_OPTIONS) as writer:
        for track in tracks:
            writer.write_table(pa.Table.from_pylist([_row(track)], schema), row_group_size=1)
    return sink.getvalue()


def tracks_of_shard(file: BinaryIO, front_end: FrontEnd, labels: Sequence[str]) -> Iterator[DatasetTrack]:
    """The tracks of a shard, read one at a time.

    Args:
        file: The shard's file; it can seek.
        front_end: What must have made its patches.
        labels: The vocabulary that it must have.

    Raises:
        DatasetError: It is damaged, of another data set, or something else; the message completes "the
            shard …".
    """
    try:
        opened = pq.ParquetFile(file, page_checksum_verification=True)
        told = opened.schema_arrow.metadata or {}
        found = front_end_of(told[_FRONT_END].decode()), json.loads(told[_LABELS])
        if found != (front_end, list(labels)):
            raise DatasetError("is of another data set: its labels or its front end are others")
        for index in range(opened.num_row_groups):
            table = opened.read_row_group(index, columns=_SCHEMA.names, use_threads=False)
            yield _track(table, front_end)
    except (pa.ArrowException, TrackError, ValueError, OSError, KeyError, IndexError, TypeError) as error:
        raise DatasetError(f"is cut, damaged or no shard ({type(error).__name__})") from error


def _row(track: DatasetTrack) -> dict[str, Any]:
    values = {name: getattr(track, name) for name in _SCHEMA.names}
    flat = np.ascontiguousarray(track.patches).reshape(-1)
    return values | {"patches": flat, "metadata": list(track.metadata.items())}


def _track(table: pa.Table, front_end: FrontEnd) -> DatasetTrack:
    (row,) = table.drop_columns(["labels", "starts_s", "patches"]).to_pylist()
    patches = _numbers(table, "patches").reshape(-1, front_end.patch_frames, front_end.mel_bands)
    row["metadata"] = dict(row["metadata"])
    return DatasetTrack(
        **row, labels=_numbers(table, "labels"), starts_s=_numbers(table, "starts_s"), patches=patches
    )


def _numbers(table: pa.Table, name: str) -> np.ndarray[Any, Any]:
    """A list column's one value; a copy, so that it can be written to and holds no other memory."""
    numbers = table.column(name).combine_chunks()[0].values
    if numbers.null_count:
        raise ValueError(f"{name} holds nulls")
    return np.array(numbers.to_numpy(zero_copy_only=False))
