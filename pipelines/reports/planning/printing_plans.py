"""A plan, printed for people."""

from __future__ import annotations

from collections.abc import Sequence

from rich.table import Table

from tonearm.pipelines.reports.planning.plan import Catalog, Plan, Prices, Rates, plan
from tonearm.pipelines.reports.planning.ways import Interruptions, Way
from tonearm.pipelines.reports.printing import printing

_CORES = (1, 8, 64, 512)


def print_plan(
    catalog: Catalog, rates: Rates, prices: Prices, ways: Sequence[Way], interruptions: Interruptions
) -> None:
    """Print what a catalog takes, each way to run it, and what was assumed."""
    table = Table(box=None, show_header=False, pad_edge=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right")
    for name, value in _lines(plan(catalog, rates), catalog, prices):
        table.add_row(name, value)
    with printing() as console:
        console.print(table)
        console.print()
        console.print(_ways_table(ways, prices, interruptions))
        console.print(f"\nassumed: {_assumed(catalog, rates, prices, interruptions)}")


def _assumed(catalog: Catalog, rates: Rates, prices: Prices, interruptions: Interruptions) -> str:
    said = (
        f"one core tags at {rates.core_speed:g} times real time, decoding and spectrograms alone run at "
        f"{rates.front_end_speed:g} times, cost per track is flat, {rates.row_bytes:,.0f} bytes of tables a "
        f"track and {rates.segment_bytes:,.0f} a minute, {catalog.megabytes:g} MB read a track; machines "
        "differ by a factor of two."
    )
    if prices.spot_core_hour is None:
        return said
    return (
        f"{said} At spot prices each machine is taken away {interruptions.a_day:g} times a day, which loses "
        f"{interruptions.minutes_lost:g} minutes; that Flink does much of a batch job again then, is not in "
        "the sum."
    )


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
    """Minutes, hours or days, so that some digits are left.

    >>> _duration(0.001), _duration(0.05), _duration(3.24), _duration(64.8)
    ('< 1 min', '3 min', '3.2 h', '2.7 days')
    """
    if hours * 60 < 1:
        return "< 1 min"
    if hours < 2:
        return f"{hours * 60:,.0f} min"
    return f"{hours:,.1f} h" if hours < 48 else f"{hours / 24:,.1f} days"


def _ways_table(found: Sequence[Way], prices: Prices, interruptions: Interruptions) -> Table:
    """A line for each way to run it; columns of costs where prices are given."""
    columns = {
        "cores": [f"{way.cores:,}" for way in found],
        "GPUs": [f"{way.gpus:,}" if way.gpus else "" for way in found],
        "takes": [_duration(way.wall_hours) for way in found],
        "tracks/s": [f"{way.tracks_a_second:,.0f}" for way in found],
        "reads/s": [f"{way.requests_a_second:,.0f}" for way in found],
        "GB sent": [f"{way.shuffled_gigabytes:,.0f}" if way.shuffled_gigabytes else "" for way in found],
        "costs": [_amount(way.cost(prices)) for way in found],
        "at spot prices": [_amount(way.spot_cost(prices, interruptions)) for way in found],
    }
    table = Table(box=None, pad_edge=False)
    table.add_column("on", no_wrap=True)
    filled = {name: values for name, values in columns.items() if any(values)}
    for name in filled:
        table.add_column(name, justify="right")
    for index, way in enumerate(found):
        table.add_row(way.name, *(values[index] for values in filled.values()))
    return table


def _amount(cost: float | None) -> str:
    return "" if cost is None else f"{cost:,.2f}"
