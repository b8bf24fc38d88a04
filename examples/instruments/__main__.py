"""Renders the clips of the worked example: ``python -m examples.instruments``."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from examples.instruments.clips import render_clips
from examples.instruments.music.scores import ScoresError, read_pieces
from examples.instruments.orders import orders_of
from examples.instruments.probe import probed
from examples.instruments.sound.packages import MissingPackagesError, require_packages
from tonearm.learning.labelled.track import LabelledTrack
from tonearm.learning.labelled.writing import write_labelled

TRAIN, VALIDATION, TEST = 6_000, 360, 200
_PROGRESS_EVERY = 500


def main() -> int:
    """Render clips and write their labelled manifest.

    Returns:
        The exit code: 2 if something that is needed is not installed.
    """
    arguments = _arguments()
    try:
        require_packages()
        pieces = read_pieces()
    except (MissingPackagesError, ScoresError) as error:
        print(error, file=sys.stderr)
        return 2
    orders = orders_of(arguments.train, arguments.validation, arguments.test)
    tracks: list[LabelledTrack] = []
    for track in render_clips(orders, pieces, (arguments.output / "clips").absolute(), arguments.seed):
        tracks.append(track)
        if len(tracks) % _PROGRESS_EVERY == 0:
            print(f"{len(tracks)} of {len(orders)} clips", flush=True)
    manifest = arguments.output / "manifest.csv"
    write_labelled(tracks, str(manifest))
    write_labelled(probed(tracks), str(arguments.output / "probe.csv"))
    used = len({track.group for track in tracks})
    print(f"{manifest}: {len(tracks)} clips of {used} pieces")
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m examples.instruments", description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("example-output"), help="(default: %(default)s)")
    parser.add_argument("--train", type=int, default=TRAIN, help="clips to train on (default: %(default)s)")
    parser.add_argument(
        "--validation", type=int, default=VALIDATION, help="clips to choose by (default: %(default)s)"
    )
    parser.add_argument(
        "--test",
        type=int,
        default=TEST,
        help="arrangements that each font plays in the test (default: %(default)s)",
    )
    parser.add_argument(
        "--seed", type=int, default=0, help="decides all that is random (default: %(default)s)"
    )
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
