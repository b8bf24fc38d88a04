"""Jobs as Dataflow would receive them: our command lines, translated without a network.

    python -m tests.deploy.dataflow_jobs

writes the steps of a stream to tests/deploy/dataflow_steps.json. Do that only for a change that is meant: see
tests/deploy/test_dataflow_jobs.py.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import tempfile
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import ModuleType
from typing import Any

from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner
from apache_beam.runners.dataflow.internal import apiclient

from tests.catalog import tonearm

FOLDER = Path(__file__).parents[2] / "deploy" / "dataflow"
STEPS = Path(__file__).with_name("dataflow_steps.json")

DATAFLOW = (
    "--runner=DataflowRunner",
    "--project=music-tags",
    "--region=europe-west1",
    "--temp_location=gs://music-tags-dataflow/temporary",
    "--job_name=tonearm",
)
OFFLINE = ("--dry_run=true", "--no_auth")


class Job:
    """A job's own message.

    Args:
        job: What the runner made of a pipeline.
    """

    def __init__(self, job: Any) -> None:
        self.graph = job.proto_pipeline
        place = "gs://music-tags-dataflow/graph.pb"
        environment = apiclient.Environment([], job.options, "1", place, self.graph).proto
        self.service_options = list(environment.service_options)
        self.experiments = list(environment.experiments)
        self.is_streaming = dict(environment.version)["job_type"] == "FNAPI_STREAMING"
        (self.workers,) = environment.worker_pools

    @property
    def steps(self) -> list[str]:
        """Names of the steps that hold others, and of those that do the work."""
        return sorted(step.unique_name for step in self.graph.components.transforms.values())

    @property
    def images(self) -> set[str]:
        """Images of the workers, of every kind that there is."""
        return {image.container_image for image in self.workers.sdk_harness_container_images}

    @property
    def hints_by_step(self) -> Mapping[str, Mapping[str, str]]:
        """Resource hints of the steps that have any."""
        components = self.graph.components
        hints = {
            name: {urn.split(":")[2]: value.decode() for urn, value in environment.resource_hints.items()}
            for name, environment in components.environments.items()
        }
        return {
            step.unique_name: hints[step.environment_id]
            for step in components.transforms.values()
            if step.environment_id and hints[step.environment_id]
        }


@contextlib.contextmanager
def jobs_kept() -> Iterator[list[Job]]:
    """Keep what Dataflow's runner makes of pipelines."""
    jobs: list[Job] = []
    run: Callable[..., Any] = DataflowRunner.run_pipeline

    def run_and_keep(self: Any, *arguments: Any, **named: Any) -> Any:
        result = run(self, *arguments, **named)
        jobs.append(Job(self.job))
        return result

    DataflowRunner.run_pipeline = run_and_keep
    try:
        yield jobs
    finally:
        DataflowRunner.run_pipeline = run


def translated(*call: str, output: Path) -> Job:
    """The job that `tonearm ingest` would hand to Dataflow; its tables stand for those in a bucket."""
    with jobs_kept() as jobs:
        assert tonearm("ingest", *call, "--output", output, *DATAFLOW, *OFFLINE) == 0
    (job,) = jobs
    return job


def launcher() -> ModuleType:
    """The file that the launcher of Flex Templates starts."""
    spec = importlib.util.spec_from_file_location("launch", FOLDER / "launch.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def metadata() -> Mapping[str, Any]:
    """What the template says of itself."""
    return json.loads((FOLDER / "metadata.json").read_text())


STREAM = ("--subscription", "projects/music-tags/subscriptions/uploads")
KINDS = ("audio", "spectrogram")


def _write_steps() -> None:
    with tempfile.TemporaryDirectory() as output:
        steps = {kind: translated(*STREAM, "--input_kind", kind, output=Path(output)).steps for kind in KINDS}
    STEPS.write_text(json.dumps(steps, indent=1) + "\n")


if __name__ == "__main__":
    _write_steps()
