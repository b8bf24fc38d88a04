"""Thirty-one days drawn from one catalog of real music, and one more day that is changed.

``python -m benchmarks.drift MUSIC… --other_genre FOLDER… [--work FOLDER] [--keep FILE]``

Songs are cut into clips of 15 s that stand for tracks, and tagged by ``tonearm ingest``. Each clip is in one
day only, drawn at random: so days differ by chance alone, although clips of one song are alike. Then the last
day is 30 other clips of the catalog, as they are, at -12 dB, or as MP3 of 64 kbit/s, or 30 clips of the other
genre. Rows get their days by the project's own writer of tables, and ``tonearm drift`` judges them.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.drift.clips import Clip, clips_of, write_clip
from tonearm.pipelines.main import run
from tonearm.transforms.tables.parquet.files import ParquetWriter
from tonearm.transforms.tables.schemas import Row
from tonearm.transforms.tables.stored_rows import table_rows

CLEAN_DAYS = 31
TRACKS_A_DAY = 25
CHANGED_TRACKS = 30
FIRST = datetime(2026, 10, 1, 12, tzinfo=UTC)

_SEED = 20261128


def main() -> None:
    """Measure from the command line."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.drift", description=__doc__.splitlines()[0])
    parser.add_argument("music", nargs="+", type=Path, metavar="MUSIC", help="folders of the catalog")
    parser.add_argument("--other_genre", nargs="+", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--work", type=Path, metavar="FOLDER", help="where clips and tables stay")
    parser.add_argument("--keep", type=Path, metavar="FILE", help="write all scores to a Parquet file")
    known = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        work = known.work or Path(temporary)
        rows = tagged(clips_of(known.music), clips_of(known.other_genre), work)
        if known.keep:
            keep(rows, known.keep)
        judge(rows, work)


def tagged(catalog: Sequence[Clip], other: Sequence[Clip], work: Path) -> dict[str, list[Row]]:
    """Cut and tag all clips; rows of ``track_tags`` by what became of their clips."""
    shuffled = np.random.default_rng(_SEED).permutation(len(catalog))
    first = CLEAN_DAYS * TRACKS_A_DAY
    last = shuffled[first : first + CHANGED_TRACKS]
    if len(last) < CHANGED_TRACKS:
        raise SystemExit(f"{len(catalog)} clips of music are too few: {first + CHANGED_TRACKS} are needed")
    of_other = np.random.default_rng(_SEED).permutation(len(other))[:CHANGED_TRACKS]
    wanted: Mapping[str, tuple[str, list[Clip]]] = {
        "clean": ("as_it_is", [catalog[place] for place in shuffled[:first]]),
        "same": ("as_it_is", [catalog[place] for place in last]),
        "quiet": ("quiet", [catalog[place] for place in last]),
        "poor": ("poor", [catalog[place] for place in last]),
        "other genre": ("as_it_is", [other[place] for place in of_other]),
    }
    rows = {}
    for kind, (way, clips) in wanted.items():
        for number, clip in enumerate(clips):
            write_clip(clip, work / "clips" / kind, f"{number:04d}-{clip[0].stem}", way)
        tables = work / "tagged" / kind
        if run(["ingest", str(work / "clips" / kind), "--output", str(tables)]):
            raise SystemExit(f"not all clips of {kind} could be tagged")
        rows[kind] = sorted(table_rows(str(tables), "track_tags"), key=lambda row: str(row["uri"]))
        runs = table_rows(str(tables), "runs")
        rows["runs"] = [{**row, "ingest_date": FIRST.date()} for row in runs]
    return rows


def judge(rows: Mapping[str, Sequence[Row]], work: Path) -> None:
    """Let ``tonearm drift`` judge the clean days and each last day."""
    for kind in ("same", "quiet", "poor", "other genre"):
        print(f"\nthe last day: {kind}", flush=True)
        tables = work / "days" / kind
        writer = ParquetWriter(str(tables))
        writer.write("track_tags", [*days_of(rows["clean"]), *of_day(rows[kind], CLEAN_DAYS)])
        writer.write("runs", rows["runs"])
        since = FIRST + timedelta(days=1 if kind == "same" else CLEAN_DAYS)
        run(["drift", str(tables), "--since", since.date().isoformat()])


def days_of(rows: Sequence[Row]) -> list[Row]:
    """Rows on days of so many tracks."""
    return [row for number, each in enumerate(rows) for row in of_day([each], number // TRACKS_A_DAY)]


def of_day(rows: Sequence[Row], number: int) -> list[Row]:
    """Rows on one day."""
    moment = FIRST + timedelta(days=number)
    return [{**row, "analyzed_at": moment, "ingest_date": moment.date()} for row in rows]


def keep(rows: Mapping[str, Sequence[Row]], file: Path) -> None:
    """Write what was said of each clip, in half the precision: no audio, and no name of a song."""
    told = [(kind, row) for kind, some in rows.items() if kind != "runs" for row in some]
    tags = sorted(tag["tag"] for tag in told[0][1]["tags"])
    scores = [{tag["tag"]: tag["score"] for tag in row["tags"]} for _, row in told]
    columns = {
        "kind": pa.array([kind for kind, _ in told]).dictionary_encode(),
        "level_db": pa.array([row["level_db"] for _, row in told], pa.float32()),
        **{tag: pa.array(np.array([each[tag] for each in scores], np.float16)) for tag in tags},
    }
    pq.write_table(pa.table(columns), file, compression="zstd", use_dictionary=["kind"])


if __name__ == "__main__":
    main()
