"""``scores.parquet``: truths and scores of every track, from which anyone can reckon every figure again."""

from __future__ import annotations

import json
from collections.abc import Sequence

import pyarrow as pa
import pyarrow.parquet as pq

from tonearm.learning.evaluation.table import Table
from tonearm.learning.evaluation.tracks.judged import JudgedTrack
from tonearm.transforms.storage.schemes import stored_uri

_SCHEMA = pa.schema(
    [
        ("track_id", pa.string()),
        ("uri", pa.string()),
        ("group", pa.string()),
        ("split", pa.string()),
        ("licence", pa.string()),
        ("duration_s", pa.float64()),
        ("codec", pa.string()),
        ("metadata", pa.map_(pa.string(), pa.string())),
        ("truths", pa.list_(pa.int8())),
        ("scores", pa.list_(pa.float64())),
        ("units", pa.list_(pa.float32())),
        ("baseline_truths", pa.list_(pa.int8())),
        ("baseline_scores", pa.list_(pa.float64())),
        ("baseline_units", pa.list_(pa.float32())),
    ]
)
"""One row a track. ``truths`` and ``scores`` are in the order of the file's metadata ``labels``, which is the
order of the report's ``tags``; those of the baseline in that of ``baseline_labels``. ``units`` are the raw
scores, as in the column ``scores`` of the table ``track_tags``."""


def scores_file(tracks: Sequence[JudgedTrack], tables: Sequence[Table]) -> bytes:
    """The file of an evaluation.

    Args:
        tracks: All that were judged.
        tables: That of the tagger and, if there is one, of the baseline.
    """
    rows = []
    for place, track in enumerate(tracks):
        row = {
            "track_id": track.track_id,
            "uri": stored_uri(track.uri),
            "group": track.group,
            "split": track.split,
            "licence": track.licence,
            "duration_s": track.duration_s,
            "codec": track.codec,
            "metadata": list(track.metadata.items()),
        }
        for prefix, table, scores in zip(("", "baseline_"), tables, track.scores, strict=False):
            row[f"{prefix}truths"] = table.truths[place].tolist()
            row[f"{prefix}scores"] = table.scores[place].tolist()
            row[f"{prefix}units"] = scores.units.tolist()
        rows.append(row)
    written = pa.Table.from_pylist(rows, _SCHEMA.with_metadata(_named(tables)))
    sink = pa.BufferOutputStream()
    pq.write_table(written, sink, compression="zstd")
    return sink.getvalue().to_pybytes()


def _named(tables: Sequence[Table]) -> dict[str, str]:
    """The labels of the lists, for whoever has the file alone."""
    return {
        f"{prefix}labels": json.dumps([tag.label for tag in table.tags])
        for prefix, table in zip(("", "baseline_"), tables, strict=False)
    }
