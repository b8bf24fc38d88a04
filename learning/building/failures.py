"""Tracks that are not in a data set because they failed: a table of their own beside the shards."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tonearm.transforms.storage.objects import joined, write_object

FAILURES = "failures.parquet"

_SCHEMA = pa.schema(
    [
        ("track_id", pa.string()),
        ("uri", pa.string()),
        ("manifest", pa.string()),
        ("manifest_row", pa.int64()),
        ("stage", pa.string()),
        ("error", pa.string()),
        ("message", pa.string()),
        ("retriable", pa.bool_()),
    ]
)


@dataclass(frozen=True, slots=True)
class FailedTrack:
    """A track that could not be read.

    Attributes:
        track_id: Its id.
        uri: Where its audio is, relative to the manifest's folder if it lies below.
        manifest: The file of its row.
        manifest_row: Its row.
        stage: Where it failed.
        error: The stable word.
        message: Why, for people.
        retriable: True if the same bytes may do at another time.
    """

    track_id: str
    uri: str
    manifest: str
    manifest_row: int
    stage: str
    error: str
    message: str
    retriable: bool


def write_failures(location: str, failed: Sequence[FailedTrack]) -> dict[str, Any]:
    """Write the table of failures of a data set, also if there are none.

    Returns:
        What the description is to say of it.
    """
    sink = pa.BufferOutputStream()
    table = pa.Table.from_pylist([asdict(each) for each in failed], _SCHEMA)
    pq.write_table(table, sink, compression="zstd")
    content = sink.getvalue()
    write_object(joined(location, FAILURES), content)
    return {"name": FAILURES, "rows": len(failed), "sha256": hashlib.sha256(content).hexdigest()}
