"""Peak memory of a ten-hour track against that of a four-minute one.

``python -m benchmarks.long_track [--hours 10] [--command spectrograms]``

Both are FLAC files of a quiet chord, small on disk however long they are, and written as a stream.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import soundfile as sf

from benchmarks.memory import peak_mib, tonearm_memory

RATE_HZ = 44100
SHORT_S = 240.0
LIMIT = 1.25
"""What the long track's peak may be, as a multiple of the short one's."""

_BLOCK_S = 10.0

_TABLES = {"ingest": "track_tags", "spectrograms": "spectrograms"}
"""The table that has a row of each track, by the command that writes it."""


@dataclass(frozen=True, slots=True)
class Row:
    """One track, tagged by a command of its own.

    Attributes:
        minutes: Length of the track.
        file_mib: Size on disk.
        analyzed_minutes: What the networks saw.
        wall_s: Time of the whole command, its start included.
        peak_mib: Highest memory of the command and its children.
        against_short: ``peak_mib`` as a multiple of the short track's.
    """

    minutes: float
    file_mib: float
    analyzed_minutes: float
    wall_s: float
    peak_mib: float
    against_short: float


def rows(hours: float = 10.0, command: str = "ingest") -> list[Row]:
    """Measure the short and the long track.

    Args:
        hours: Length of the long one.
        command: What is made of them: ``ingest`` makes tags, ``spectrograms`` the patches.
    """
    with tempfile.TemporaryDirectory() as folder:
        short = _measured(Path(folder), command, SHORT_S, None)
        return [short, _measured(Path(folder), command, hours * 3600, short.peak_mib)]


def write_flac(path: Path, seconds: float) -> None:
    """Write a chord, block by block."""
    time_s = np.arange(round(_BLOCK_S * RATE_HZ)) / RATE_HZ
    block = sum(np.sin(2 * np.pi * hz * time_s) for hz in (220.0, 277.2, 329.6)) * 0.003
    with sf.SoundFile(path, "w", RATE_HZ, 1, subtype="PCM_16", format="FLAC", compression_level=0) as file:
        for _ in range(round(seconds / _BLOCK_S)):
            file.write(block)


def _measured(folder: Path, command: str, seconds: float, short_mib: float | None) -> Row:
    track, output = folder / f"{seconds:.0f}.flac", folder / f"{seconds:.0f}"
    write_flac(track, seconds)
    begun = time.monotonic()
    peak = peak_mib(tonearm_memory(command, track, "--output", output))
    wall_s = time.monotonic() - begun
    (row,) = pq.read_table(output / _TABLES[command], columns=["analyzed_s"]).to_pylist()
    return Row(
        minutes=seconds / 60,
        file_mib=track.stat().st_size / 2**20,
        analyzed_minutes=row["analyzed_s"] / 60,
        wall_s=wall_s,
        peak_mib=peak,
        against_short=peak / (short_mib or peak),
    )


def main() -> None:
    """Print the two rows."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--hours", type=float, default=10.0, help="length of the long track (default: 10)")
    parser.add_argument("--command", choices=_TABLES, default="ingest", help="what to make of the tracks")
    arguments = parser.parse_args()
    measured = rows(arguments.hours, arguments.command)
    print("minutes   file MiB   analysed min   wall s   peak MiB   against short")
    for row in measured:
        print(
            f"{row.minutes:7.0f} {row.file_mib:10.1f} {row.analyzed_minutes:14.1f} {row.wall_s:8.1f} "
            f"{row.peak_mib:10.0f} {row.against_short:14.2f}x"
        )


if __name__ == "__main__":
    main()
