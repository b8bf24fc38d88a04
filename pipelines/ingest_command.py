"""``tonearm ingest``: its options, and what a call comes to."""

from __future__ import annotations

import argparse
import re
import sys
from typing import TYPE_CHECKING, Any

from pipelines.exit_codes import EXIT_BROKEN, EXIT_OK, WrongCallError
from pipelines.option_types import fraction, positive_integer, positive_number

if TYPE_CHECKING:
    from pipelines.stream import StreamRequest

_DESCRIPTION = """\
Tag the tracks of a catalog and write five tables: track_tags, segments, embeddings, failures and runs.

INPUT is one of
  music/                 a folder, with all folders below it
  'music/**/*.flac'      a glob; quote it, so that the shell leaves it alone
  catalog.csv            a manifest (.csv, .jsonl or .parquet) with the columns track_id and uri;
                         further columns come back in the column metadata

A run can be stopped or killed at any time: the same command goes on where it ended, skips what is
tagged and adds what is new or changed. One bad track never stops a run: it becomes a row in failures.
"""

_EPILOG = """\
examples:
  tonearm ingest music/ --output tags/
  tonearm ingest catalog.csv --output tags/ --direct_num_workers 2
  tonearm show tags/

Further options go to Apache Beam, such as --runner or --direct_num_workers (default: one a core).

exit codes: 0 the run is whole, even if tracks failed; 1 it broke, or more failed than
--max_failed_fraction allows; 2 the call was wrong.
"""


def add_to(commands: Any) -> None:
    """Add the subcommand to the parser."""
    parser = commands.add_parser(
        "ingest",
        help="tag the tracks of a catalog and write the tables",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(job=_ingest)
    parser.add_argument("input", metavar="INPUT", nargs="?", help="folder, file, glob or manifest")
    parser.add_argument(
        "--output",
        metavar="OUT",
        required=True,
        action="append",
        help="folder of the tables, made if missing, a URL such as gs://bucket/tags, or "
        "bigquery://project.dataset; twice to write Parquet and BigQuery",
    )
    parser.add_argument(
        "--tagger", default="musicnn", help="embedded bundle, or where one lies (default: musicnn)"
    )
    parser.add_argument(
        "--precision",
        choices=("float32", "bf16"),
        default="float32",
        help="bf16 is faster where the CPU has it, track scores within 0.002 (default: float32)",
    )
    parser.add_argument("--retag", action="store_true", help="work tracks again that are tagged already")
    parser.add_argument(
        "--segment_seconds", type=positive_number, default=15.0, help="length of a segment (default: 15)"
    )
    parser.add_argument(
        "--wave_tracks",
        type=positive_integer,
        default=128,
        help="tracks in flight at most; a kill costs no more than these (default: 128)",
    )
    parser.add_argument(
        "--max_track_bytes",
        type=positive_integer,
        default=4 << 30,
        help="larger objects fail as too_large and are not read (default: 4 GiB)",
    )
    parser.add_argument(
        "--max_failed_fraction",
        type=fraction,
        default=1.0,
        help="exit with 1 if a larger share of the tried tracks failed (default: 1, never)",
    )
    _add_stream_options(parser)


def _add_stream_options(parser: argparse.ArgumentParser) -> None:
    stream = parser.add_argument_group("continuous ingestion, in place of INPUT; ends with Ctrl-C or SIGTERM")
    stream.add_argument(
        "--subscription",
        metavar="projects/P/subscriptions/S",
        help="take Cloud Storage notifications from Pub/Sub",
    )
    stream.add_argument("--watch", metavar="PREFIX", help="list a folder or prefix again and again")
    stream.add_argument(
        "--poll_seconds",
        type=positive_number,
        default=30.0,
        help="time between listings of --watch (default: 30)",
    )
    stream.add_argument(
        "--catch_up", metavar="PREFIX", help="with --subscription: tag first what the prefix holds already"
    )
    stream.add_argument(
        "--prefix",
        action="append",
        default=[],
        help="with --subscription: only objects that begin so; may repeat",
    )
    stream.add_argument(
        "--suffix",
        action="append",
        default=[],
        help="with --subscription: only objects that end so; may repeat",
    )
    stream.add_argument(
        "--max_wave_seconds",
        type=positive_number,
        default=10.0,
        help="a wave closes this long after its first track (default: 10)",
    )


def _source(known: argparse.Namespace) -> str | StreamRequest:
    from pipelines.stream import StreamRequest
    from transforms.notification import NotificationFilter

    if sum(map(bool, (known.input, known.subscription, known.watch))) != 1:
        raise WrongCallError("name one thing to tag: INPUT, --subscription or --watch")
    if known.input:
        return str(known.input)
    if known.subscription and not re.fullmatch(r"projects/[^/]+/subscriptions/[^/]+", known.subscription):
        raise WrongCallError(
            f"--subscription is projects/PROJECT/subscriptions/NAME, not {known.subscription}"
        )
    return StreamRequest(
        subscription=known.subscription or "",
        watch=known.watch or "",
        poll_seconds=known.poll_seconds,
        catch_up=known.catch_up or "",
        wanted=NotificationFilter(tuple(known.prefix), tuple(known.suffix)),
        max_wave_seconds=known.max_wave_seconds,
    )


def _ingest(known: argparse.Namespace, beam_options: list[str]) -> int:
    from models.bundle import BundleError
    from pipelines.beam_options import read_beam_options
    from pipelines.commit import OutputInUseError
    from pipelines.ingest import ingest
    from pipelines.outputs import in_order
    from pipelines.request import IngestRequest
    from transforms.manifest import ManifestError
    from transforms.settings import AnalysisSettings
    from transforms.sources import InputError
    from transforms.stored_rows import OutputError

    try:
        outputs = in_order(known.output)
    except OutputError as error:
        raise WrongCallError(str(error)) from error
    settings = AnalysisSettings(
        tagger=known.tagger,
        precision=known.precision,
        segment_seconds=known.segment_seconds,
        max_track_bytes=known.max_track_bytes,
    )
    request = IngestRequest(
        source=_source(known),
        outputs=outputs,
        settings=settings,
        retag=known.retag,
        wave_tracks=known.wave_tracks,
        beam=read_beam_options(beam_options),
    )
    try:
        record = ingest(request)
    except (InputError, ManifestError, BundleError, OutputError, OutputInUseError) as error:
        raise WrongCallError(str(error)) from error
    if record.failed_fraction > known.max_failed_fraction:
        print(
            f"tonearm: {record.failed_fraction:.1%} of the tried tracks failed, more than "
            f"--max_failed_fraction={known.max_failed_fraction}",
            file=sys.stderr,
        )
        return EXIT_BROKEN
    return EXIT_OK
