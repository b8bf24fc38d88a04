"""Backfills on Flink: the tables of one machine, whatever befalls task managers, workers and jobs."""

from __future__ import annotations

from pathlib import Path

import pytest

from deploy.flink.cluster import FlinkCluster
from deploy.flink.comparison import differences
from tests.catalog import tonearm

pytest_plugins = ["tests.servers.flink"]

pytestmark = pytest.mark.slow


@pytest.fixture
def unbroken(samples: Path, tmp_path: Path) -> Path:
    """The tables that one machine makes of the samples."""
    output = tmp_path / "one_machine"
    assert tonearm("ingest", samples, "--output", output) == 0
    return output


def test_tables_are_those_of_one_machine(
    samples: Path, unbroken: Path, output: Path, flink: FlinkCluster
) -> None:
    assert tonearm("ingest", samples, "--output", output, *flink.options()) == 0
    assert differences(str(unbroken), str(output)) == []
