"""The plan as a file beside the data set, from which each worker of a cluster reads the tracks of its shards.

So what a graph carries is numbers of shards, however many tracks there are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from tonearm.learning.building.planning import PlannedShard, PlannedTrack
from tonearm.learning.labelled.track import Split
from tonearm.transforms.storage.objects import joined, opened_object, write_object

_SCHEMA = pa.schema(
    [
        ("split", pa.string()),
        ("track_id", pa.string()),
        ("uri", pa.string()),
        ("place", pa.string()),
        ("group", pa.string()),
        ("labels", pa.list_(pa.int8())),
        ("licence", pa.string()),
        ("manifest", pa.string()),
        ("manifest_row", pa.int64()),
        ("metadata", pa.map_(pa.string(), pa.string())),
    ]
)


def write_plan(folder: str, shards: Sequence[PlannedShard]) -> str:
    """Write the plan into a folder; each shard is a row group.

    Returns:
        The file, which is named by its content.
    """
    sink = pa.BufferOutputStream()
    with pq.ParquetWriter(sink, _SCHEMA, compression="zstd") as writer:
        for shard in shards:
            rows = [_row(shard.split, track) for track in shard.tracks]
            writer.write_table(pa.Table.from_pylist(rows, _SCHEMA), row_group_size=len(rows))
    content = sink.getvalue()
    location = joined(folder, f"plan-{hashlib.sha256(content).hexdigest()[:24]}.parquet")
    write_object(location, content)
    return location


def read_planned_shard(location: str, number: int) -> PlannedShard:
    """One shard of a plan, by its number from 0."""
    with opened_object(location) as file:
        rows = pq.ParquetFile(file).read_row_group(number, use_threads=False).to_pylist()
    return PlannedShard(Split(rows[0]["split"]), [_track(row) for row in rows])


def _row(split: Split, track: PlannedTrack) -> dict[str, Any]:
    values = {name: getattr(track, name) for name in _SCHEMA.names if name != "split"}
    return values | {"split": str(split), "metadata": list(track.metadata.items())}


def _track(row: dict[str, Any]) -> PlannedTrack:
    values = {name: value for name, value in row.items() if name != "split"}
    return PlannedTrack(**{**values, "metadata": dict(row["metadata"])})
