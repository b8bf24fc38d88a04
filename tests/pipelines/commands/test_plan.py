"""The planner's arithmetic, and what its command prints."""

import re
from dataclasses import replace

import pytest

from tonearm.pipelines.main import run
from tonearm.pipelines.reports.planning.plan import Catalog, Prices, Rates, plan
from tonearm.pipelines.reports.planning.ways import Interruptions, Size, ways

RATES = Rates(
    core_speed=100, front_end_speed=500, gpu_speed=10_000, row_bytes=1000, segment_bytes=500, patch_bytes=1e6
)
SIZE = Size(machine_cores=10, cluster_cores=100, gpu_machine_cores=5)
CATALOG = Catalog(tracks=1_000_000, minutes=6.0, megabytes=10)


def test_hours_and_gigabytes_follow_from_rates() -> None:
    planned = plan(CATALOG, RATES)
    assert planned.core_hours == pytest.approx(1000)
    assert planned.wall_hours(cores=8) == pytest.approx(125)
    assert planned.gpu_hours == pytest.approx(10)
    assert planned.feeding_core_hours == pytest.approx(200)
    assert planned.cores_a_gpu == pytest.approx(20)
    assert planned.table_gigabytes == pytest.approx(4.0)
    assert planned.read_gigabytes == pytest.approx(10_000)


def test_costs_come_only_from_given_prices() -> None:
    planned = plan(CATALOG, RATES)
    assert planned.cpu_cost(Prices()) is None
    assert planned.cpu_cost(Prices(core_hour=0.05)) == pytest.approx(50)
    assert planned.gpu_cost(Prices(core_hour=0.05, gpu_hour=3)) == pytest.approx(40)
    assert planned.monthly_storage_cost(Prices(gigabyte_month=0.02)) == pytest.approx(0.08)


def test_each_way_is_as_fast_as_its_slowest_part() -> None:
    machine, cluster, fused, fed = ways(CATALOG, RATES, SIZE)
    assert (machine.wall_hours, cluster.wall_hours) == (pytest.approx(100), pytest.approx(10))
    assert (fused.cores, fused.gpus, fused.wall_hours) == (100, 20, pytest.approx(2)), "its decoders bound it"
    assert (fed.cores, fed.gpus, fed.wall_hours) == (125, 5, pytest.approx(2))
    (_, _, slow, _) = ways(CATALOG, replace(RATES, gpu_speed=1000), SIZE)
    assert slow.wall_hours == pytest.approx(5), "its GPU bounds it"
    assert cluster.tracks_a_second == pytest.approx(1_000_000 / 36_000)
    assert cluster.requests_a_second == pytest.approx(2 * cluster.tracks_a_second), "10 MB are two pieces"
    assert (fused.shuffled_gigabytes, fed.shuffled_gigabytes) == (0, pytest.approx(6000))


def test_a_way_has_a_cost_where_all_that_it_needs_has_a_price() -> None:
    machine, _, fused, fed = ways(CATALOG, RATES, SIZE)
    cores, gpus = Prices(core_hour=0.05), Prices(core_hour=0.05, gpu_hour=3)
    assert machine.cost(cores) == pytest.approx(50)
    assert fused.cost(cores) is None
    assert fused.cost(gpus) == pytest.approx(100 * 2 * 0.05 + 20 * 2 * 3)
    assert fed.cost(gpus) is None
    assert fed.cost(replace(gpus, shuffled_gigabyte=0.01)) == pytest.approx(12.5 + 30 + 60)


def test_spot_prices_pay_for_work_that_is_done_again() -> None:
    machine, *_ = ways(CATALOG, RATES, SIZE)
    often = Interruptions(a_day=24, minutes_lost=30)
    assert machine.spot_cost(Prices(core_hour=0.05), often) is None
    assert machine.spot_cost(Prices(spot_core_hour=0.02), often) == pytest.approx(1000 * 2 * 0.02)
    assert machine.spot_cost(Prices(spot_core_hour=0.02), Interruptions(24, 60)) == float("inf")


def test_command_prints_plan_and_assumptions(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "--tracks", "10_000_000", "--minutes", "3.5", "--core_speed", "100"]) == 0
    printed = capsys.readouterr().out
    assert "5,833 core-hours" in printed
    assert "assumed: one core tags at 100 times real time" in printed
    assert "cost" not in printed.partition("assumed")[0]
    assert "GPU-hours" not in printed


def test_command_prints_a_line_for_each_way(capsys: pytest.CaptureFixture[str]) -> None:
    call = ["plan", "--tracks", "10_000_000", "--minutes", "3.5", "--gpu_speed", "38000"]
    prices = ["--price_core_hour", "0.04", "--spot_price_core_hour", "0.01"]
    assert run([*call, *prices]) == 0
    printed = capsys.readouterr().out
    assert re.search(r"one machine +64 +2\.1 days +55 +55 +129\.63 +32\.5", printed)
    assert re.search(r"right-fitted\) +592 +10 +96 min +1,743 +1,743 +50,400 *$", printed, flags=re.MULTILINE)
    assert "each machine is taken away 1 times a day" in " ".join(printed.split())


def test_unknown_option_is_a_wrong_call(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "--tracks", "1", "--minutes", "1", "--prize", "3"]) == 2
    assert "--prize" in capsys.readouterr().err
