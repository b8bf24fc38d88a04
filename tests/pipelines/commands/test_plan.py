"""The planner's arithmetic, and what its command prints."""

import pytest

from tonearm.pipelines.main import run
from tonearm.pipelines.reports.plan import Catalog, Prices, Rates, plan

RATES = Rates(core_speed=100, front_end_speed=500, gpu_speed=10_000, row_bytes=1000, segment_bytes=500)
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


def test_command_prints_plan_and_assumptions(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "--tracks", "10_000_000", "--minutes", "3.5", "--core_speed", "100"]) == 0
    printed = capsys.readouterr().out
    assert "5,833 core-hours" in printed
    assert "assumed: one core tags at 100 times real time" in printed
    assert "cost" not in printed.partition("assumed")[0]
    assert "GPU-hours" not in printed


def test_unknown_option_is_a_wrong_call(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["plan", "--tracks", "1", "--minutes", "1", "--prize", "3"]) == 2
    assert "--prize" in capsys.readouterr().err
