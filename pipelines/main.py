"""The command ``tonearm``."""

from __future__ import annotations

import argparse
import logging
import os
import sys
from collections.abc import Sequence
from importlib.metadata import version

from tonearm.errors import EXIT_OK, TonearmError
from tonearm.pipelines.commands import ingest, plan, retry, show


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command and exit with its code."""
    sys.exit(run(arguments))


def run(arguments: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code; an unforeseen error is raised, and Python exits with 1."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    try:
        ours, beams = _split(list(sys.argv[1:] if arguments is None else arguments))
        known, unknown = _parser().parse_known_args(ours)
        return int(known.job(known, [*beams, *unknown]))
    except TonearmError as error:
        print(f"tonearm: {error}", file=sys.stderr)
        return error.exit_code
    except BrokenPipeError:
        # The reader of our output, such as `head`, has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_OK


def _split(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Our arguments and Beam's; only a job needs Beam loaded to tell them apart, `--help` does not."""
    if arguments[:1] not in (["ingest"], ["retry"]) or {"-h", "--help"} & set(arguments):
        return arguments, []
    from tonearm.pipelines.runs.beam_options import split_arguments

    return split_arguments(arguments)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="tonearm",
        description="Listens to music catalogs: tracks in, tables of genre, mood, instruments and voice out.",
        epilog="`tonearm COMMAND --help` tells more of each command.",
        allow_abbrev=False,
    )
    parser.add_argument("--version", action="version", version=f"tonearm {version('tonearm')}")
    commands = parser.add_subparsers(title="commands", required=True, metavar="COMMAND")
    ingest.add_to(commands)
    retry.add_to(commands)
    show.add_to(commands)
    plan.add_to(commands)
    return parser
