"""What ``--max_patches`` costs and brings: how far scores and tags move, and how much faster a backfill goes.

``python -m benchmarks.patches MUSIC… [--minutes 240]``

Each number of patches is a whole run of the pipeline over the same songs, in one process that has everything
loaded. Processor time counts, the decoders' included, so that a busy machine moves the ratio little.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import psutil

from benchmarks.music import music_files
from tonearm.pipelines.ingest import ingest
from tonearm.pipelines.runs.order import IngestOrder
from tonearm.transforms.elements.settings import MAX_PATCHES, AnalysisSettings
from tonearm.transforms.tables.schemas import Row as TableRow
from tonearm.transforms.tables.stored_rows import table_rows

TRIED = (8, 16, 32, 64)
MINUTES = 240.0


@dataclass(frozen=True, slots=True)
class Row:
    """One number of patches against all of them.

    Attributes:
        max_patches: How many are scored of a track at most; 0 stands for all.
        tracks: Songs that were tagged.
        heard_s: Seconds of a track that the networks saw, the median.
        faster: Processor time of the run with all patches by this one's.
        score_moves: Largest difference over a track's scores, the median over the tracks.
        score_moves_p95: The same, of the track for which 95 % move less.
        tags_kept: Share of the tags selected with all patches that are selected still.
        tags_new: Share of the tags selected now that were not.
        tracks_alike: Share of the tracks whose selected tags are the same.
    """

    max_patches: int
    tracks: int
    heard_s: float
    faster: float
    score_moves: float
    score_moves_p95: float
    tags_kept: float
    tags_new: float
    tracks_alike: float


@dataclass(frozen=True, slots=True)
class _Run:
    """What a run gave, by track, and what it took."""

    tracks: dict[str, TableRow]
    processor_s: float


def rows(places: Sequence[Path], *, minutes: float = MINUTES) -> list[Row]:
    """Measure all numbers of patches over so many minutes of songs, each song once."""
    songs = list(dict.fromkeys(music_files(places, minutes)))
    _tag(songs[:2], MAX_PATCHES)  # loads the libraries, exports the networks, starts the decoders
    whole = _tag(songs, MAX_PATCHES)
    runs = {0: whole} | {number: _tag(songs, number) for number in TRIED}
    return [_compared(number, run, whole) for number, run in runs.items()]


def _tag(songs: Sequence[Path], max_patches: int) -> _Run:
    with tempfile.TemporaryDirectory() as folder:
        manifest, output = Path(folder) / "songs.csv", f"{folder}/tables"
        lines = [f"{number},{path}" for number, path in enumerate(songs)]
        manifest.write_text("\n".join(["track_id,uri", *lines]))
        order = IngestOrder(str(manifest), (output,), AnalysisSettings(max_patches=max_patches))
        with contextlib.redirect_stdout(sys.stderr):
            processor_s = _processor_seconds(lambda: ingest(order))
        columns = ["track_id", "scores", "tags", "analyzed_s"]
        return _Run({row["track_id"]: row for row in table_rows(output, "track_tags", columns)}, processor_s)


def _processor_seconds(work: Callable[[], object]) -> float:
    """Processor time of this process and of those that it has started."""
    before = _spent()
    work()
    return _spent() - before


def _spent() -> float:
    children = psutil.Process().children(recursive=True)
    return time.process_time() + sum(sum(child.cpu_times()[:2]) for child in children)


def _compared(number: int, run: _Run, whole: _Run) -> Row:
    moves, kept, new, alike = [], [], [], []
    for track_id, row in run.tracks.items():
        against = whole.tracks[track_id]
        moves.append(float(np.abs(np.subtract(row["scores"], against["scores"])).max()))
        selected, before = _selected(row), _selected(against)
        kept.append((len(selected & before), len(before)))
        new.append((len(selected - before), len(selected)))
        alike.append(selected == before)
    return Row(
        max_patches=number,
        tracks=len(run.tracks),
        heard_s=float(np.median([row["analyzed_s"] for row in run.tracks.values()])),
        faster=whole.processor_s / run.processor_s,
        score_moves=float(np.median(moves)),
        score_moves_p95=float(np.percentile(moves, 95)),
        tags_kept=_share(kept),
        tags_new=_share(new),
        tracks_alike=float(np.mean(alike)),
    )


def _selected(row: TableRow) -> set[str]:
    return {tag["tag"] for tag in row["tags"] if tag["selected"]}


def _share(counted: Sequence[tuple[int, int]]) -> float:
    some, all_of_them = np.sum(counted, axis=0)
    return float(some / all_of_them)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("music", nargs="+", type=Path, help="files or folders with songs")
    parser.add_argument("--minutes", type=float, default=MINUTES, help="of songs (default: 240)")
    options = parser.parse_args(arguments)
    print("  ".join(each.name for each in fields(Row)))
    for row in rows(options.music, minutes=options.minutes):
        values = [getattr(row, each.name) for each in fields(Row)]
        print("  ".join(f"{value:.3g}" if isinstance(value, float) else str(value) for value in values))


if __name__ == "__main__":
    main()
