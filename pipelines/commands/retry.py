"""``tonearm retry``: its options, and what a call comes to."""

from __future__ import annotations

import argparse
from typing import Any

from tonearm.errors import WrongCallError
from tonearm.pipelines.commands.run_options.shared import (
    EXIT_CODES,
    add_analysis_options,
    add_failure_limit,
    add_speed_options,
    order_of,
    run_order,
)

_DESCRIPTION = """\
Try again what is in the table failures and may succeed at another time: storage faults, lack of memory,
objects that changed or were missing. Each track is read as its object is now, and only its latest failure
counts. Tracks that were tagged since are skipped. Columns of a manifest are not in failures: where you want
them in metadata, run `tonearm ingest MANIFEST` again instead, which tries the same tracks.
"""

_EPILOG = f"""\
examples:
  tonearm retry tags/
  tonearm retry gs://bucket/tags --all

{EXIT_CODES}"""


def add_to(commands: Any) -> None:
    """Add the subcommand to the parser."""
    parser = commands.add_parser(
        "retry",
        usage="tonearm retry OUT [OPTION …]",
        help="try failed tracks again",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(job=_retry)
    parser.add_argument(
        "outputs", metavar="OUT", nargs="+", help="the tables, as for --output of `tonearm ingest`"
    )
    parser.add_argument(
        "--all", dest="everything", action="store_true", help="also what the same bytes will fail at again"
    )
    add_failure_limit(parser.add_argument_group("output"))
    add_analysis_options(parser)
    add_speed_options(parser)


def _retry(known: argparse.Namespace, beam_options: list[str]) -> None:
    from tonearm.pipelines.runs.retry import RetryInput
    from tonearm.transforms.tables.outputs import in_order
    from tonearm.transforms.tables.reading import require_runs

    source = RetryInput(in_order(known.outputs)[-1], known.everything)
    order = order_of(known, source, known.outputs, beam_options)
    if not order.beam.is_local:
        raise WrongCallError("retries run on one machine; leave --runner out")
    require_runs(source.output)
    run_order(order, known.max_failed_fraction)
