"""``tonearm plan``: its options, and the plan for people."""

from __future__ import annotations

import argparse
from typing import Any

from rich.table import Table

from tonearm.pipelines.commands.option_types import positive_integer, positive_number
from tonearm.pipelines.reports.plan import Catalog, Plan, Prices, Rates, plan
from tonearm.pipelines.reports.printing import printing

CORE_SPEED = 180.0
FRONT_END_SPEED = 715.0
ROW_BYTES = 5700.0
SEGMENT_BYTES = 2700.0
"""Measured (benchmarks/results) on a core of a cloud machine: MP3, FLAC and AAC from file to tags in float32;
these and Opus to patches; bytes of the tables of 355 tracks."""

_CORES = (1, 8, 64, 512)

_EPILOG = """\
examples:
  tonearm plan --tracks 10_000_000 --minutes 3.5
  tonearm plan --tracks 10_000_000 --minutes 3.5 --core_speed 210 --price_core_hour 0.04

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
    parser.add_argument("--price_core_hour", type=positive_number, help="price of a core for an hour")
    parser.add_argument("--price_gpu_hour", type=positive_number, help="price of a GPU for an hour")
    parser.add_argument("--price_gb_month", type=positive_number, help="price of storing a gigabyte")


def _plan(known: argparse.Namespace, _: list[str]) -> None:
    catalog = Catalog(known.tracks, known.minutes, known.megabytes)
    rates = Rates(known.core_speed, known.front_end_speed, known.gpu_speed, ROW_BYTES, SEGMENT_BYTES)
    prices = Prices(known.price_core_hour, known.price_gpu_hour, known.price_gb_month)
    _print(plan(catalog, rates), catalog, rates, prices)


def _print(planned: Plan, catalog: Catalog, rates: Rates, prices: Prices) -> None:
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right")
    for name, value in _lines(planned, catalog, prices):
        table.add_row(name, value)
    assumed = (
        f"\nassumed: one core tags at {rates.core_speed:g} times real time, decoding and spectrograms alone "
        f"run at {rates.front_end_speed:g} times, cost per track is flat, {rates.row_bytes:,.0f} bytes of "
        f"tables a track and {rates.segment_bytes:,.0f} a minute, {catalog.megabytes:g} MB read a track; "
        "machines differ by a factor of two."
    )
    with printing() as console:
        console.print(table)
        console.print(assumed)


def _lines(planned: Plan, catalog: Catalog, prices: Prices) -> list[tuple[str, str]]:
    storage = _priced(planned.monthly_storage_cost(prices), " a month")
    lines = [
        ("audio", f"{catalog.audio_hours:,.0f} h"),
        ("CPU only", f"{planned.core_hours:,.0f} core-hours{_priced(planned.cpu_cost(prices))}"),
        *((f"  on {cores:,} cores", _duration(planned.wall_hours(cores))) for cores in _CORES),
    ]
    if planned.gpu_hours is not None and planned.cores_a_gpu is not None:
        lines += [
            ("with GPUs", f"{planned.gpu_hours:,.0f} GPU-hours{_priced(planned.gpu_cost(prices))}"),
            ("  cores that feed them", f"{planned.feeding_core_hours:,.0f} core-hours"),
            ("  cores a GPU", f"{planned.cores_a_gpu:,.0f}"),
        ]
    lines += [
        ("tables", f"{planned.table_gigabytes:,.1f} GB{storage}"),
        ("read from storage", f"{planned.read_gigabytes:,.0f} GB"),
    ]
    return lines


def _priced(cost: float | None, period: str = "") -> str:
    return "" if cost is None else f", costs {cost:,.2f}{period}"


def _duration(hours: float) -> str:
    return f"{hours:,.1f} h" if hours < 48 else f"{hours / 24:,.1f} days"
