"""The kinds of outputs: the one place that knows which there are, and which of them a location names."""

from __future__ import annotations

from collections.abc import Sequence

from tonearm.transforms.tables.bigquery.kind import BigQueryTables
from tonearm.transforms.tables.contract import OutputError, OutputKind
from tonearm.transforms.tables.parquet.kind import ParquetTables

KINDS: Sequence[OutputKind] = (BigQueryTables(), ParquetTables())
"""Asked in this order; ``contract`` says how to add one."""


def kind_of(location: str) -> OutputKind:
    """The kind of output that a location names.

    Raises:
        OutputError: No kind takes such a location.
    """
    for kind in KINDS:
        if kind.takes(location):
            return kind
    raise OutputError(f"no tables can be at {location}; an output is {all_locations(', or ')}")


def all_locations(between: str) -> str:
    """What locations look like, for people."""
    return between.join(f"one {kind.locations}" for kind in reversed(KINDS))
