"""Jobs on a cluster: what Dataflow is handed, and how the wait for a job ends."""

from __future__ import annotations

import os
import signal
import threading
from pathlib import Path
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.io.gcp.pubsub import ReadFromPubSub
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.runner import PipelineResult, PipelineState

from tests.catalog import tonearm
from tonearm.models.bundles.loading import cached_tagger
from tonearm.pipelines.cluster.job import JobEnd, JobFailedError, JobLeftError, JobOutOfSightError, wait_for
from tonearm.pipelines.graphs.backfill import TagBackfill
from tonearm.pipelines.graphs.stream import ArrivalsOfMessages, TagStream, written_at_once
from tonearm.transforms.elements.settings import AnalysisSettings
from tonearm.transforms.sources.object_filter import ObjectFilter
from tonearm.transforms.tables.outputs import output_at
from tonearm.transforms.tables.rows import Provenance

DATAFLOW = (
    *("--runner", "DataflowRunner", "--dry_run", "true", "--no_auth"),
    *("--project", "my-project", "--region", "europe-west1", "--temp_location", "gs://bucket/temporary"),
)
OUTPUTS = ("bigquery://my-project.tags", "gs://bucket/tags")
PROVENANCE = Provenance("run", "musicnn@1", "98e098809151")


def translated(root: beam.PTransform, graph: beam.PTransform, *, streaming: bool) -> Any:
    """The graph as Dataflow receives it."""
    options = PipelineOptions([*DATAFLOW, *(["--streaming"] if streaming else [])])
    pipeline = beam.Pipeline(options=options)
    pipeline | root | graph
    return pipeline.run().job.proto_pipeline


def names(proto: Any) -> set[str]:
    """The transforms' names."""
    return {transform.unique_name for transform in proto.components.transforms.values()}


@pytest.mark.slow
def test_dataflow_takes_the_graph_of_a_backfill() -> None:
    tagger, settings = cached_tagger("musicnn"), AnalysisSettings()
    graph = TagBackfill(settings, tagger, output_at(OUTPUTS), PROVENANCE, OUTPUTS)
    proto = translated(beam.Create(["gs://bucket/in"]), graph, streaming=False)
    assert {"TagBackfill/List", "TagBackfill/Write/Gather", "TagBackfill/Commit"} <= names(proto)


@pytest.mark.slow
def test_dataflow_takes_the_graph_of_a_stream() -> None:
    tagger, settings = cached_tagger("musicnn"), AnalysisSettings()
    write = written_at_once(output_at(OUTPUTS), PROVENANCE)
    graph = TagStream(settings, tagger, ArrivalsOfMessages(ObjectFilter()), write)
    read = ReadFromPubSub(subscription="projects/my-project/subscriptions/uploads", with_attributes=True)
    proto = translated(read, graph, streaming=True)
    assert {"TagStream/Announce/Once each", "TagStream/Write/Publish"} <= names(proto)
    windows = {strategy.window_fn.urn for strategy in proto.components.windowing_strategies.values()}
    assert windows == {"beam:window_fn:global_windows:v1"}


def test_a_check_of_the_graph_waits_for_nothing(songs: Path, output: Path) -> None:
    assert tonearm("ingest", songs, "--output", output, *DATAFLOW) == 0
    assert not (output / "runs").exists()


class Job(PipelineResult):
    """A job that ends in a state, or when it is told to."""

    def __init__(self, state: str = PipelineState.RUNNING) -> None:
        super().__init__(state)
        self.ended = threading.Event()

    def wait_until_finish(self, duration: int | None = None) -> str:
        """As Beam's own results do, take all but DONE for a failure."""
        if self._state == PipelineState.RUNNING:
            os.kill(os.getpid(), signal.SIGTERM)
            self.ended.wait(10)
        if self._state == PipelineState.UNKNOWN:
            raise ConnectionError("the cluster does not answer")
        if self._state != PipelineState.DONE:
            raise RuntimeError(f"job failed in state {self._state}")
        return self._state

    def job_id(self) -> str:
        """A name as Dataflow gives it."""
        return "job-7"

    def cancel(self) -> None:
        """End the job."""
        self._state = PipelineState.CANCELLED
        self.ended.set()


ELSEWHERE = PipelineOptions(["--environment_type=DOCKER"])
HERE = PipelineOptions(["--environment_type=LOOPBACK"])


@pytest.mark.parametrize("state", [PipelineState.DONE, PipelineState.DRAINED, PipelineState.UPDATED])
def test_a_job_that_was_drained_ended_well(state: str) -> None:
    assert wait_for(Job(state), ELSEWHERE) is JobEnd.DONE


@pytest.mark.parametrize("state", [PipelineState.FAILED, PipelineState.CANCELLED])
def test_a_job_that_failed_is_told_so(state: str) -> None:
    with pytest.raises(JobFailedError, match=state):
        wait_for(Job(state), ELSEWHERE)


def test_a_job_whose_engine_does_not_answer_is_not_taken_for_failed() -> None:
    with pytest.raises(JobOutOfSightError, match=r"job-7 .*does not answer"):
        wait_for(Job(PipelineState.UNKNOWN), ELSEWHERE)


def test_a_signal_leaves_the_job_to_its_engine() -> None:
    job = Job()
    with pytest.raises(JobLeftError, match="job-7"):
        wait_for(job, ELSEWHERE)
    assert job.state == PipelineState.RUNNING
    job.cancel()


def test_a_signal_cancels_a_job_that_works_in_this_process() -> None:
    job = Job()
    assert wait_for(job, HERE) is JobEnd.STOPPED
    assert job.state == PipelineState.CANCELLED


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (
            (*("--subscription", "projects/p/subscriptions/s", "--catch_up", "."), "--runner", "PrismRunner"),
            "makes no sweep",
        ),
        ((".", "--runner", "DataflowRunner", "--dry_run", "true", "--no_auth"), "temp_location"),
        (("--subscription", "projects/p/subscriptions/s", "--runner", "PrismRunner"), "Invalid PubSub"),
    ],
)
def test_what_an_engine_cannot_take_is_a_wrong_call(
    songs: Path,
    output: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
    said: str,
) -> None:
    monkeypatch.chdir(songs)
    assert tonearm("ingest", "--output", output, *arguments) == 2
    assert said in capfd.readouterr().err
    assert not output.exists()


@pytest.mark.parametrize("place", ["", "file://"])
def test_dataflow_is_not_sent_to_a_disk_that_it_cannot_see(
    place: str, songs: Path, output: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    really = [option for option in DATAFLOW if option not in ("--dry_run", "true")]
    assert tonearm("ingest", f"{place}{songs}", "--output", output, *really) == 2
    told = f"tonearm: {place}{songs}: Dataflow's workers see no disk of this machine; copy it to a bucket"
    assert capfd.readouterr().err.startswith(told)
    assert not output.exists()
