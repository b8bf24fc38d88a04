"""What tests of whole runs share: catalogs of real files, the command, the tables as an analyst sees them."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import duckdb

from tests.audio_files import sweep, write_audio
from tonearm.pipelines.main import run

LATEST_ROWS = """
    select * from read_parquet('{output}/track_tags/**/*.parquet', hive_partitioning = true)
    qualify row_number() over (partition by track_id order by analyzed_at desc) = 1
"""
"""The latest row of each track, as the README has it."""

KEY = ("track_id", "generation", "tagger")


def tonearm(*arguments: str | Path) -> int:
    """Run the command in this process, which has the tagger loaded already; returns the exit code."""
    try:
        return run([str(argument) for argument in arguments])
    except SystemExit as left:  # argparse's way of refusing a call
        return int(left.code or 0)


def start_tonearm(*arguments: str | Path, **environment: str) -> subprocess.Popen[str]:
    """Run the command in a process of its own, as a user does."""
    return subprocess.Popen(
        tonearm_command(*arguments),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={**os.environ, **environment},
    )


def tonearm_command(*arguments: str | Path) -> list[str]:
    """The command line of a process of its own."""
    return [str(Path(sys.executable).with_name("tonearm")), *map(str, arguments)]


def write_song(path: Path, kind: str = "flac", *, seconds: float = 3.5, from_hz: float = 200.0) -> Path:
    """Write a real audio file, of one patch unless told otherwise."""
    rate_hz = 48000 if kind.startswith("opus") else 44100
    signal = sweep(seconds, rate_hz=rate_hz, from_hz=from_hz, to_hz=3 * from_hz)
    return write_audio(path, kind, signal, rate_hz=rate_hz)


def write_manifest(path: Path, rows: Iterable[Mapping[str, str]], columns: Iterable[str] = ()) -> Path:
    """Write a manifest as CSV."""
    rows = list(rows)
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, list(columns) or list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def query(sql: str, output: Path) -> list[dict[str, Any]]:
    """Ask DuckDB; ``{output}`` in the query stands for the folder of the tables."""
    with duckdb.connect() as connection:
        answer = connection.execute(sql.format(output=output))
        columns = [column[0] for column in answer.description or ()]
        return [dict(zip(columns, row, strict=True)) for row in answer.fetchall()]


def table(output: Path, name: str) -> list[dict[str, Any]]:
    """All rows of a table; none if it does not exist."""
    if not list((output / name).glob("*/*.parquet")):
        return []
    return query(f"select * from read_parquet('{{output}}/{name}/**/*.parquet')", output)


def keys(output: Path, name: str = "track_tags") -> list[tuple[str, ...]]:
    """The keys of a table's rows, sorted, with doubles."""
    return sorted(tuple(row[column] for column in KEY) for row in table(output, name))


def scores(output: Path) -> dict[str, list[float]]:
    """The raw scores of each track's latest row."""
    return {row["track_id"]: row["scores"] for row in query(LATEST_ROWS, output)}


def errors(output: Path) -> dict[str, str]:
    """The error word of each file in ``failures``, by its name."""
    return {Path(row["uri"]).name: row["error"] for row in table(output, "failures")}


def last_run(output: Path) -> dict[str, Any]:
    """The row of the run that started last."""
    return max(table(output, "runs"), key=lambda row: row["started"])


def counts(output: Path) -> tuple[int, int, int, int]:
    """Seen, tagged, skipped and failed of the run that started last."""
    run_row = last_run(output)
    return run_row["n_seen"], run_row["n_tagged"], run_row["n_skipped"], run_row["n_failed"]


def files_below(folder: Path) -> list[str]:
    """Every file and folder below a folder, hidden ones too, relative to it."""
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def leftovers(output: Path) -> list[str]:
    """What lies in an output and is no table."""
    return [
        name for name in files_below(output) if not name.startswith(TABLE_FOLDERS) or name.endswith(".part")
    ]


TABLE_FOLDERS = ("track_tags", "shadow_tags", "segments", "embeddings", "failures", "spectrograms", "runs")
