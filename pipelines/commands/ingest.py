"""``tonearm ingest``: its options, and what a call comes to."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Any

from tonearm.errors import WrongCallError
from tonearm.pipelines.commands.option_types import positive_number
from tonearm.pipelines.commands.run_options.dataflow import add_dataflow_options, gpu_request_of
from tonearm.pipelines.commands.run_options.further_taggers import (
    add_further_tagger_options,
    further_taggers_of,
)
from tonearm.pipelines.commands.run_options.scopes import require_effect
from tonearm.pipelines.commands.run_options.shared import (
    EXIT_CODES,
    add_analysis_options,
    add_failure_limit,
    add_speed_options,
    order_of,
    run_order,
)
from tonearm.pipelines.runs.defaults import (
    MAX_WAVE_SECONDS,
    POLL_SECONDS,
    STORAGE_WRITE_API,
    STREAMING_INSERTS,
)
from tonearm.transforms.elements.input_kind import InputKind

if TYPE_CHECKING:
    from tonearm.pipelines.runs.stream_input import StreamInput

_DESCRIPTION = """\
Tag the tracks of a catalog and write its tables: track_tags, segments, embeddings, failures and runs.

INPUT is one of
  music/                 a folder, with all folders below it
  'music/**/*.flac'      a glob; quote it, so that the shell leaves it alone
  catalog.csv            a manifest (.csv, .tsv, .jsonl, .ndjson, .json, .parquet; all but Parquet also .gz;
                         a folder of .parquet) with the columns track_id and uri, relative ones meant from
                         the manifest's folder; further columns come back in the column metadata
What exists as it is written is taken as it is written, and as a glob only if there is no such thing.

A run can be stopped or killed at any time: the same command goes on where it ended, skips what is
tagged and adds what is new or changed. One bad track never stops a run: it becomes a row in failures.
"""

_EPILOG = f"""\
examples:
  tonearm ingest music/ --output tags/
  tonearm ingest catalog.csv --output tags/ --direct_num_workers 2
  tonearm ingest 'gs://bucket/masters/**' --output gs://bucket/tags --precision bf16
  tonearm ingest --watch incoming/ --output tags/
  tonearm show tags/

Further options go to Apache Beam, such as
  --direct_num_workers N   workers of a run on this machine (default: one per core)
  --runner NAME            run on a cluster: DataflowRunner, FlinkRunner or PrismRunner

{EXIT_CODES}"""


def add_to(commands: Any) -> None:
    """Add the subcommand to the parser."""
    parser = commands.add_parser(
        "ingest",
        usage="tonearm ingest INPUT --output OUT [OPTION …]",
        help="tag the tracks of a catalog and write the tables",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(job=_ingest)
    source = parser.add_argument_group("input")
    source.add_argument("input", metavar="INPUT", nargs="?", help="folder, file, glob or manifest")
    source.add_argument(
        "--input_kind",
        choices=list(InputKind),
        type=InputKind,
        default=InputKind.AUDIO,
        help="what the tracks come as: audio, or the files of `tonearm spectrograms` (default: audio)",
    )
    output = parser.add_argument_group("output")
    output.add_argument(
        "--output",
        metavar="OUT",
        required=True,
        action="append",
        help="folder of the tables, made if missing, a URL such as gs://bucket/tags, or "
        "bigquery://project.dataset; twice to write Parquet and BigQuery",
    )
    output.add_argument("--retag", action="store_true", help="work tracks again that are tagged already")
    add_failure_limit(output)
    add_analysis_options(parser)
    add_further_tagger_options(parser)
    add_speed_options(parser)
    _add_stream_options(parser)
    add_dataflow_options(parser)


def _add_stream_options(parser: argparse.ArgumentParser) -> None:
    stream = parser.add_argument_group("streams, in place of INPUT; they end with Ctrl-C or SIGTERM")
    stream.add_argument(
        "--subscription",
        metavar="projects/P/subscriptions/S",
        help="take Cloud Storage notifications from Pub/Sub",
    )
    stream.add_argument("--watch", metavar="PREFIX", help="list a folder or prefix again and again")
    stream.add_argument(
        "--poll_seconds",
        metavar="SECONDS",
        type=positive_number,
        default=POLL_SECONDS,
        help=f"time between listings of --watch (default: {POLL_SECONDS:g})",
    )
    stream.add_argument(
        "--catch_up", metavar="PREFIX", help="with --subscription: also tag what the prefix holds already"
    )
    stream.add_argument(
        "--prefix",
        action="append",
        default=[],
        metavar="gs://BUCKET/BEGINNING",
        help="with --subscription: only objects that begin so, to the letter; may repeat",
    )
    stream.add_argument(
        "--suffix",
        action="append",
        default=[],
        metavar=".ENDING",
        help="of a stream: only objects that end so, in any case; may repeat",
    )
    stream.add_argument(
        "--bigquery_write_method",
        choices=(STREAMING_INSERTS, STORAGE_WRITE_API),
        default=STREAMING_INSERTS,
        help="how a stream on a cluster writes to BigQuery; the second needs Java where the job is submitted",
    )
    stream.add_argument(
        "--retag_on_promotion",
        action="store_true",
        help="with --tagger ROOT: work again what another tagger of the root has tagged (default: a new one "
        "tags new tracks only)",
    )
    stream.add_argument(
        "--max_wave_seconds",
        metavar="SECONDS",
        type=positive_number,
        default=MAX_WAVE_SECONDS,
        help=f"a wave closes this long after its first track, or earlier (default: {MAX_WAVE_SECONDS:g})",
    )


def _source(known: argparse.Namespace) -> str | StreamInput:
    from tonearm.pipelines.runs.stream_input import StreamInput
    from tonearm.transforms.sources.listing import located
    from tonearm.transforms.sources.manifests.reading import is_manifest
    from tonearm.transforms.sources.object_filter import ObjectFilter
    from tonearm.transforms.tables.outputs import in_order

    if sum(map(bool, (known.input, known.subscription, known.watch))) != 1:
        raise WrongCallError("name one thing to tag: INPUT, --subscription or --watch")
    if known.input:
        return str(known.input)
    if known.subscription and not re.fullmatch(r"projects/[^/]+/subscriptions/[^/]+", known.subscription):
        raise WrongCallError(
            f"--subscription is projects/PROJECT/subscriptions/NAME, not {known.subscription}"
        )
    wanted = ObjectFilter(tuple(known.prefix), tuple(known.suffix), in_order(known.output))
    if known.catch_up and not is_manifest(known.catch_up) and not wanted.can_take_from(known.catch_up):
        raise WrongCallError(f"--catch_up {known.catch_up} holds nothing that --prefix lets through")
    return StreamInput(
        subscription=known.subscription or "",
        watch=located(known.watch or ""),
        poll_seconds=known.poll_seconds,
        catch_up=located(known.catch_up or ""),
        wanted=wanted,
        max_wave_seconds=known.max_wave_seconds,
    )


def _ingest(known: argparse.Namespace, beam_options: list[str]) -> None:
    shadow, canary = further_taggers_of(known)
    order = order_of(
        known,
        _source(known),
        known.output,
        beam_options,
        input_kind=known.input_kind,
        retag=known.retag,
        bigquery_write_method=known.bigquery_write_method,
        gpu=gpu_request_of(known),
        waits=not known.no_wait,
        retag_on_promotion=known.retag_on_promotion,
        shadow=shadow,
        canary=canary,
    )
    require_effect(known.given, order)
    run_order(order, known.max_failed_fraction)
