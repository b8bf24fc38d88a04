"""Runs the trial: ``python -m examples.instruments.label_trial``."""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path

from examples.instruments.clips import render_clips
from examples.instruments.label_trial.clips import read_clips
from examples.instruments.label_trial.figures import lines_of
from examples.instruments.label_trial.rounds import WAYS, Rounds, labelled_in_rounds
from examples.instruments.music.scores import ScoresError, read_pieces
from examples.instruments.orders import orders_of
from examples.instruments.sound.packages import MissingPackagesError, require_packages
from tonearm.learning.labelled.track import Split
from tonearm.learning.labelled.writing import write_labelled
from tonearm.pipelines.main import run

_POOL, _TEST = 2_400, 100
"""Clips that may be labelled, and arrangements that each font plays in the test."""

_SEED = 1
"""Of the rendering. The way of choosing was found on the clips of seed 0: it is judged by others."""


def main() -> int:
    """Render and tag what is not there yet, go through all draws, print and write what came out.

    Returns:
        The exit code: 2 if something that is needed is not installed.
    """
    arguments = _arguments()
    output: Path = arguments.output
    manifest, tables = output / "manifest.csv", output / "tags"
    try:
        if not manifest.exists():
            _render(output, manifest)
    except (MissingPackagesError, ScoresError) as error:
        print(error, file=sys.stderr)
        return 2
    if code := run(["ingest", str(manifest), "--output", str(tables)]):
        return code
    pool, test = (read_clips(str(manifest), str(tables), split) for split in (Split.TRAIN, Split.TEST))
    order = Rounds(arguments.first, arguments.further, arguments.rounds)
    draws = {
        way: [labelled_in_rounds(pool, test, order, choose, seed) for seed in range(arguments.draws)]
        for way, choose in WAYS.items()
    }
    table = "\n".join(lines_of(draws))
    told = {way: [[asdict(each) for each in draw] for draw in of_way] for way, of_way in draws.items()}
    (output / "draws.json").write_text(json.dumps(told, indent=1) + "\n")
    print(
        f"{len(pool.rows)} clips to label, {len(test.rows)} to judge by, {arguments.draws} draws\n\n{table}"
    )
    return 0


def _render(output: Path, manifest: Path) -> None:
    require_packages()
    orders = orders_of(_POOL, 0, _TEST)
    tracks = list(render_clips(orders, read_pieces(), (output / "clips").absolute(), _SEED))
    write_labelled(tracks, str(manifest))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.instruments.label_trial", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("example-output/label-trial"))
    parser.add_argument("--draws", type=int, default=20, help="draws of first labels (default: 20)")
    parser.add_argument("--first", type=int, default=50, help="drawn to begin with, or 0 (default: 50)")
    parser.add_argument("--further", type=int, default=50, help="labels of each round (default: 50)")
    parser.add_argument("--rounds", type=int, default=3, help="further rounds (default: 3)")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
