"""The statement that takes a share's staged rows into a table."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tonearm.transforms.tables.bigquery.dataset import Dataset
from tonearm.transforms.tables.bigquery.schema import ANY_DAY
from tonearm.transforms.tables.schemas import KEYS, SCHEMAS, SHADOW_TAGS, TRACK_KEY

_PARTS_OF_TRACKS = ("segments", "embeddings", SHADOW_TAGS)
"""Tables whose rows are taken with their track's row in ``track_tags`` only."""

_TRACK = ("track_id", "generation")
"""What names a track whoever tagged it."""

_MERGE = """\
MERGE {target} AS target
USING (
  SELECT *
  FROM {staging}
  WHERE {condition}
  QUALIFY ROW_NUMBER() OVER (PARTITION BY {key}) = 1
) AS staged
ON {same_key} AND target.{any_day}
WHEN MATCHED THEN
  UPDATE SET {assignments}
WHEN NOT MATCHED BY TARGET THEN
  INSERT ({columns}) VALUES ({values})"""

_DELETE_LEFT_OVER = """
WHEN NOT MATCHED BY SOURCE AND target.{any_day} AND {target_key} IN (SELECT {track_key} FROM {tracks}) THEN
  DELETE"""


def merge_statement(dataset: Dataset, table: str, staged: Mapping[str, Sequence[str]]) -> str | None:
    """SQL that replaces rows whose keys the table has and adds the others; run again, it changes nothing.

    Segments, embeddings and a shadow's row are taken only with their track's row: a refused track leaves
    none. What an earlier analysis with shorter segments left over is deleted.

    Args:
        dataset: Where the tables are.
        table: The table to change.
        staged: The share's staging tables, by the table that their rows are for.

    Returns:
        The statement; None if there is nothing to take.
    """
    is_part = table in _PARTS_OF_TRACKS
    if table not in staged or (is_part and "track_tags" not in staged):
        return None
    is_shadow = table == SHADOW_TAGS
    track_key = f"({', '.join(_TRACK if is_shadow else TRACK_KEY)})"
    tracks = _rows_of(dataset, staged["track_tags"]) if is_part else ""
    columns = SCHEMAS[table].names
    merge = _MERGE.format(
        target=dataset.quoted(table),
        staging=_rows_of(dataset, staged[table]),
        condition=f"{track_key} IN (SELECT {track_key} FROM {tracks})" if is_part else "TRUE",
        key=", ".join(KEYS[table]),
        same_key=" AND ".join(f"target.{name} = staged.{name}" for name in KEYS[table]),
        assignments=", ".join(f"{name} = staged.{name}" for name in columns),
        columns=", ".join(columns),
        any_day=ANY_DAY,
        values=", ".join(f"staged.{name}" for name in columns),
    )
    if not is_part or is_shadow:
        return merge
    target_key = f"({', '.join(f'target.{name}' for name in TRACK_KEY)})"
    return merge + _DELETE_LEFT_OVER.format(
        target_key=target_key, track_key=track_key, tracks=tracks, any_day=ANY_DAY
    )


def _rows_of(dataset: Dataset, tables: Sequence[str]) -> str:
    """What to put behind FROM to read several tables as one."""
    return "(" + " UNION ALL ".join(f"SELECT * FROM {dataset.quoted(table)}" for table in tables) + ")"
