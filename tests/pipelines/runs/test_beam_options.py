"""How Beam's options are read: runners by whatever spelling Beam takes."""

from __future__ import annotations

import pytest

from tonearm.pipelines.runs.beam_options import read_beam_options


@pytest.mark.parametrize(
    "name",
    ["DirectRunner", "directrunner", "direct", "SwitchingDirectRunner", "BundleBasedDirectRunner"],
)
def test_a_runner_of_this_process_is_one_in_every_spelling(name: str) -> None:
    assert read_beam_options(["--runner", name]).is_local


@pytest.mark.parametrize(
    "name",
    [
        "DataflowRunner",
        "dataflow",
        "DATAFLOWRUNNER",
        "apache_beam.runners.dataflow.dataflow_runner.DataflowRunner",
    ],
)
def test_dataflow_is_dataflow_in_every_spelling(name: str) -> None:
    options = read_beam_options(["--runner", name])
    assert (options.is_local, options.is_dataflow) == (False, True)
    assert options.flags[-1].endswith("DataflowRunner")
