"""``tonearm plan``: its options."""

from __future__ import annotations

import argparse
from typing import Any

from tonearm.pipelines.commands.option_types import positive_integer, positive_number
from tonearm.pipelines.reports.planning.plan import Catalog, Prices, Rates
from tonearm.pipelines.reports.planning.printing_plans import print_plan
from tonearm.pipelines.reports.planning.ways import Interruptions, Size, ways

CORE_SPEED = 180.0
FRONT_END_SPEED = 715.0
ROW_BYTES = 5700.0
SEGMENT_BYTES = 2700.0
"""Measured (benchmarks/results) on a core of a cloud machine: MP3, FLAC and AAC from file to tags in float32;
these and Opus to patches; bytes of the tables of 355 tracks."""

PATCH_BYTES = 1_440_000.0
"""A minute of the embedded tagger's patches: 187 x 96 values of four bytes each 2.992 s."""

_EPILOG = """\
examples:
  tonearm plan --tracks 10_000_000 --minutes 3.5
  tonearm plan --tracks 10_000_000 --minutes 3.5 --core_speed 210 --price_core_hour 0.04
  tonearm plan --tracks 100_000_000 --minutes 3.5 --cluster_cores 512 --gpu_speed 38_000 \
      --price_core_hour 0.04 --price_gpu_hour 3 --spot_price_core_hour 0.015 --spot_price_gpu_hour 1.2

The rates that are built in were measured on one machine. Yours: `make bench` prints them, or tag a few
hundred tracks with --direct_num_workers 1 and divide the hours of audio by the hours it took.
"""


def add_to(commands: Any) -> None:
    """Add the subcommand to the parser."""
    parser = commands.add_parser(
        "plan",
        help="estimate core-hours, wall time, storage and cost of a catalog",
        description="Estimate what tagging a catalog takes, from measured rates. No price is built in.",
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(job=_plan)
    parser.add_argument("--tracks", type=positive_integer, required=True, help="tracks in the catalog")
    parser.add_argument("--minutes", type=positive_number, required=True, help="mean length of a track")
    parser.add_argument(
        "--megabytes", type=positive_number, default=8.0, help="mean size of a track (default: 8)"
    )
    parser.add_argument(
        "--core_speed",
        type=positive_number,
        default=CORE_SPEED,
        help=f"times real time that one core tags at (default: {CORE_SPEED:.0f})",
    )
    parser.add_argument(
        "--front_end_speed",
        type=positive_number,
        default=FRONT_END_SPEED,
        help=f"the same without the network, beside a GPU (default: {FRONT_END_SPEED:.0f})",
    )
    parser.add_argument(
        "--gpu_speed", type=positive_number, help="times real time that one GPU scores at; none is built in"
    )
    _add_sizes(parser)
    _add_prices(parser)


def _add_sizes(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what is hired")
    for name, default, what in (
        ("--machine_cores", 64, "cores of one machine that does it all"),
        ("--cluster_cores", 512, "cores of a cluster, such as Flink or Dataflow"),
        ("--gpu_machine_cores", 8, "cores of each machine with a GPU"),
    ):
        group.add_argument(name, type=positive_integer, default=default, help=f"{what} (default: {default})")


def _add_prices(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("prices, in whatever currency; what has none is not reckoned")
    for name, what in (
        ("--price_core_hour", "a core for an hour"),
        ("--price_gpu_hour", "a GPU for an hour, its machine's cores apart"),
        ("--spot_price_core_hour", "a core that may be taken away, for an hour"),
        ("--spot_price_gpu_hour", "a GPU that may be taken away, for an hour"),
        ("--price_shuffled_gb", "a gigabyte between machines, of patches that decoders send to GPUs"),
        ("--price_gb_month", "storing a gigabyte for a month"),
    ):
        group.add_argument(name, type=positive_number, help=f"price of {what}")
    group.add_argument(
        "--interruptions_a_day",
        type=positive_number,
        default=1.0,
        help="how often a machine at a spot price is taken away (default: 1)",
    )
    group.add_argument(
        "--minutes_lost",
        type=positive_number,
        default=5.0,
        help="work lost by that, until another machine works (default: 5)",
    )


def _plan(known: argparse.Namespace, _: list[str]) -> None:
    catalog = Catalog(known.tracks, known.minutes, known.megabytes)
    rates = Rates(
        known.core_speed, known.front_end_speed, known.gpu_speed, ROW_BYTES, SEGMENT_BYTES, PATCH_BYTES
    )
    prices = Prices(
        core_hour=known.price_core_hour,
        gpu_hour=known.price_gpu_hour,
        gigabyte_month=known.price_gb_month,
        spot_core_hour=known.spot_price_core_hour,
        spot_gpu_hour=known.spot_price_gpu_hour,
        shuffled_gigabyte=known.price_shuffled_gb,
    )
    size = Size(known.machine_cores, known.cluster_cores, known.gpu_machine_cores)
    interruptions = Interruptions(known.interruptions_a_day, known.minutes_lost)
    print_plan(catalog, rates, prices, ways(catalog, rates, size), interruptions)
