"""``make bench``: measures all that the README states, in one go, and writes ``benchmarks/results``.

``python -m benchmarks [MUSIC…] [--only SECTION…] [--rounds 3]``

Medians of rounds in which all peers run in turn; what is compared is compared within one run. Machines
differ by a factor of two, so ratios travel and absolute figures do not.
"""

from __future__ import annotations

import argparse
import json
import platform
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil
import torch

from benchmarks import (
    accuracy,
    front_end,
    gpu,
    long_track,
    many_tracks,
    network,
    patches,
    pipeline,
    streaming,
)
from benchmarks.music import music_files

RESULTS = Path(__file__).parent / "results"

Rows = Sequence[Any]
"""Data classes; their fields are a table's columns."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What to measure with.

    Attributes:
        places: The files and folders named.
        songs: Half an hour of songs from them.
        rounds: How often.
    """

    places: list[Path]
    songs: list[Path]
    rounds: int


SECTIONS: dict[str, tuple[str, Callable[[Asked], Rows]]] = {
    "network": ("The two networks on the CPU", lambda asked: network.rows(rounds=asked.rounds)),
    "accuracy": (
        "The CPU engine against the networks' definition",
        lambda asked: accuracy.rows(accuracy.files_in(asked.places)),
    ),
    "front_end": ("From files to patches", lambda asked: front_end.rows(asked.songs, asked.rounds)),
    "pipeline": ("From files to tags", lambda asked: pipeline.rows(asked.songs, asked.rounds)),
    "patches": ("Fewer patches of a track", lambda asked: patches.rows(asked.places)),
    "many_tracks": ("Many tracks", lambda asked: many_tracks.rows()),
    "long_track": ("Long tracks", lambda asked: long_track.rows()),
    "streaming": ("Streams", lambda asked: streaming.rows(rounds=asked.rounds)),
}
if torch.cuda.is_available():
    SECTIONS["gpu"] = (
        "The two networks on the GPU",
        lambda asked: gpu.rows(asked.songs, rounds=asked.rounds),
    )


def main() -> None:
    """Measure the sections, print their tables, and write them beside the description of the machine."""
    known = _parser().parse_args()
    asked = Asked(known.music, music_files(known.music), known.rounds)
    tables = {}
    for name in known.only:
        title, measure = SECTIONS[name]
        print(f"measuring: {title}", file=sys.stderr, flush=True)
        tables[name] = measure(asked)
        _write(known.results, tables)
    print((known.results / "results.md").read_text())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("music", nargs="+", type=Path, help="files or folders with songs")
    parser.add_argument(
        "--only", nargs="+", choices=SECTIONS, default=list(SECTIONS), help="sections to measure"
    )
    parser.add_argument("--rounds", type=int, default=3, help="rounds to take medians of (default: 3)")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the results")
    return parser


def _write(folder: Path, tables: dict[str, Rows]) -> None:
    """Write what is measured so far: a section that breaks does not cost the ones before it."""
    folder.mkdir(parents=True, exist_ok=True)
    described = machine()
    lines = ["# Results", "", *(f"- {name}: {value}" for name, value in described.items())]
    for name, rows in tables.items():
        lines += ["", f"## {SECTIONS[name][0]}", "", *_markdown(rows)]
    (folder / "results.md").write_text("\n".join(lines) + "\n")
    as_data = {name: [asdict(row) for row in rows] for name, rows in tables.items()}
    (folder / "results.json").write_text(json.dumps({"machine": described, **as_data}, indent=1) + "\n")


def _markdown(rows: Rows) -> list[str]:
    names = [field.name for field in fields(rows[0])]
    cells = [[_text(getattr(row, name)) for name in names] for row in rows]
    return ["| " + " | ".join(line) + " |" for line in (names, ["---"] * len(names), *cells)]


def _text(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"
    return "" if value is None else str(value)


def machine() -> dict[str, str]:
    """What the figures were measured on."""
    return {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": _processor(),
        "cores": str(psutil.cpu_count()),
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()}, Python {platform.python_version()}",
        "versions": ", ".join(
            f"{name} {version(name)}" for name in ("tonearm", "apache-beam", "torch", "openvino")
        ),
    }


def _processor() -> str:
    """Its name, and the instructions that decide how fast matrices are multiplied."""
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    described = dict(line.split(":", 1) for line in lines if ":" in line)
    described = {name.strip(): value.strip() for name, value in described.items()}
    telling = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in described["flags"]]
    return f"{described['model name']} ({', '.join(telling)})"


if __name__ == "__main__":
    main()
