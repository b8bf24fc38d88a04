"""Rows of a cluster's batch run: each file is committed by itself, while the run still holds the output."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tonearm.transforms.tables.parquet import commit
from tonearm.transforms.tables.parquet.files import ParquetWriter
from tonearm.transforms.tables.schemas import Row


@dataclass(frozen=True, slots=True)
class HeldParquetWriter:
    """Writes rows that readers see at once; nothing remains of what a run that lost its hold still writes.

    Attributes:
        output: Where the tables are.
        run_id: The run.
        require_hold: Raises if the run holds the output no longer.
    """

    output: str
    run_id: str
    require_hold: Callable[[], None]

    def write(self, table: str, rows: Sequence[Row]) -> int:
        """See :class:`TableWriter`; the same rows again replace the same files."""
        commit_id = f"{self.run_id}-{secrets.token_hex(8)}"
        written = ParquetWriter(commit.staging_root(self.output, commit_id)).write(table, rows)
        try:
            self.require_hold()
        except Exception:
            commit.discard_staged(self.output, commit_id)
            raise
        commit.make_visible(self.output, commit_id, {table: len(rows)})
        return written
