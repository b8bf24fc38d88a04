"""``tonearm spectrograms``: its options, and what a call comes to."""

from __future__ import annotations

import argparse
from typing import Any

from tonearm.errors import WrongCallError
from tonearm.pipelines.commands.option_types import positive_integer
from tonearm.pipelines.commands.run_options.shared import (
    EXIT_CODES,
    add_failure_limit,
    add_making_options,
    add_reading_options,
    order_of,
    run_order,
)
from tonearm.transforms.elements.settings import SEGMENT_SECONDS

_DESCRIPTION = """\
Make spectrograms of the tracks of a catalog, to be handed over in place of the audio: Parquet files below
OUT/spectrograms. `tonearm ingest` tags them elsewhere. INPUT is as for `tonearm ingest`: a folder, file, glob
or manifest. No audio is kept, and no network is run.

A run can be stopped or killed at any time: the same command goes on where it ended, skips what is
made and adds what is new or changed. One bad track never stops a run: it becomes a row in failures.
A spectrogram is not the audio, and gives much of it away all the same: see docs/spectrograms.md.
"""

_EPILOG = f"""\
examples:
  tonearm spectrograms music/ --output spectrograms/
  tonearm spectrograms catalog.csv --output gs://bucket/spectrograms --without_uris

{EXIT_CODES}"""


def add_to(commands: Any) -> None:
    """Add the subcommand to the parser."""
    parser = commands.add_parser(
        "spectrograms",
        usage="tonearm spectrograms INPUT --output OUT [OPTION …]",
        help="make spectrograms, to be handed over in place of audio",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(job=_spectrograms, precision="float32", segment_seconds=SEGMENT_SECONDS)
    parser.add_argument_group("input").add_argument(
        "input", metavar="INPUT", help="folder, file, glob or manifest"
    )
    output = parser.add_argument_group("output")
    output.add_argument(
        "--output",
        metavar="OUT",
        required=True,
        help="folder of the files, made if missing, or a URL such as gs://bucket/spectrograms",
    )
    output.add_argument(
        "--without_uris",
        action="store_true",
        help="write no URI; an id that a manifest does not give is a hash of the URI",
    )
    output.add_argument(
        "--hop_gap",
        type=positive_integer,
        default=0,
        metavar="N",
        help="leave out N patches behind each one that is written, so that less of the music is given away; "
        "tags move (default: none)",
    )
    output.add_argument("--remake", action="store_true", help="work tracks again that are made already")
    add_failure_limit(output)
    add_reading_options(parser.add_argument_group("spectrograms"))
    add_making_options(parser)


def _spectrograms(known: argparse.Namespace, beam_options: list[str]) -> None:
    from tonearm.pipelines.runs.order import SpectrogramWish
    from tonearm.transforms.tables.kinds import kind_of

    if not kind_of(known.output).holds_spectrograms:
        raise WrongCallError(
            f"spectrograms are files, which {known.output} cannot hold: --output is a folder or "
            "a URL of a store"
        )
    wish = SpectrogramWish(with_uris=not known.without_uris, hop_gap=known.hop_gap)
    order = order_of(known, known.input, [known.output], beam_options, retag=known.remake, spectrograms=wish)
    if not order.beam.is_local:
        raise WrongCallError("spectrograms are made on one machine; leave --runner out")
    run_order(order, known.max_failed_fraction)
