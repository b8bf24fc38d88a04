"""Jobs on Dataflow, as launches of the Flex Template make them: what their own message asks Dataflow for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.catalog import tonearm
from tests.deploy.dataflow_jobs import (
    DATAFLOW,
    OFFLINE,
    STEPS,
    STREAM,
    Job,
    jobs_kept,
    launcher,
    translated,
)

SAMPLES = Path(__file__).parents[2] / "samples"
IMAGE = "europe-west1-docker.pkg.dev/music-tags/tonearm/dataflow:0.1.0"
WORKERS = (
    "--machine_type=g2-standard-8",
    "--num_workers=2",
    "--max_num_workers=20",
    "--autoscaling_algorithm=THROUGHPUT_BASED",
    "--number_of_worker_harness_threads=4",
    "--disk_size_gb=100",
    f"--sdk_container_image={IMAGE}",
)
BATCH = (f"--input={SAMPLES}",)
LISTENING = (f"--subscription={STREAM[1]}", "--dataflow_service_options=min_num_workers=2")
FUSED = ("--gpu=nvidia-l4", "--gpu_driver=580")
RIGHT_FITTED = (*FUSED, "--gpu_placement=right-fitted", "--gpu_machine_type=g2-standard-4")
ACCELERATOR = "type:nvidia-l4;count:1;install-nvidia-driver:580;use_nvidia_mps"


def launched(*parameters: str, output: Path) -> Job:
    """The job of a launch of the template; the samples stand for a bucket, as nothing is read."""
    with jobs_kept() as jobs:
        assert tonearm(*launcher().call_of([f"--output={output}", *parameters, *DATAFLOW, *OFFLINE])) == 0
    (job,) = jobs
    return job


@pytest.mark.parametrize("source", [BATCH, LISTENING], ids=["batch", "stream"])
@pytest.mark.parametrize(
    "placement", [FUSED, pytest.param(RIGHT_FITTED, marks=pytest.mark.slow)], ids=["fused", "right-fitted"]
)
def test_a_launch_asks_for_its_machines(
    source: tuple[str, ...], placement: tuple[str, ...], output: Path
) -> None:
    machine = ("--machine_type=n2-standard-8",) if placement is RIGHT_FITTED else ()
    job = launched(*source, *WORKERS, *placement, *machine, output=output)
    is_stream, is_fused = source is LISTENING, placement is FUSED
    assert job.is_streaming == is_stream
    assert job.service_options == [
        *(["min_num_workers=2"] if is_stream else []),
        *([f"worker_accelerator={ACCELERATOR}"] if is_fused else []),
    ]
    assert job.workers.machine_type == ("g2-standard-8" if is_fused else "n2-standard-8")
    assert (job.workers.num_workers, job.workers.autoscaling_settings.max_num_workers) == (2, 20)
    assert job.workers.num_threads_per_worker == 4
    assert job.workers.disk_size_gb == 100
    assert job.images == {IMAGE}
    processes = [image.use_single_core_per_container for image in job.workers.sdk_harness_container_images]
    assert all(processes), "a worker has a process for each core"
    assert ("enable_streaming_engine" in job.experiments) == is_stream
    if is_stream:
        require_pinned_steps(job, "audio")  # wherever the networks run
    _require_hints(job, {} if is_fused else {"min_ram_bytes": "16000000000", "accelerator": RIGHT_FITTED_TO})


RIGHT_FITTED_TO = ACCELERATOR.replace("count:1;", "count:1;machine_type:g2-standard-4;")


def _require_hints(job: Job, hints: dict[str, str]) -> None:
    """The networks' step and none but that has hints; the patches go to it from another machine."""
    hinted = job.hints_by_step
    if not hints:
        assert hinted == {}
        return
    assert all("/Analyze/Infer" in step for step in hinted)
    assert any(step.endswith("/BeamML_RunInference") for step in hinted)
    assert all(each == hints for each in hinted.values())


def require_pinned_steps(job: Job, kind: str) -> None:
    """A stream that runs can be updated to this one."""
    assert job.steps == json.loads(STEPS.read_text())[kind], (
        "Dataflow takes over the state and the messages of a running stream step by step, by their names. "
        "Where names change, a stream that runs can be updated only with --transform_name_mapping "
        '\'{"old name": "new name", …}\' (gcloud: --transform-name-mappings), or has to be drained. If the '
        "change is meant, say so in docs/dataflow.md, and run python -m tests.deploy.dataflow_jobs"
    )


def test_the_steps_of_a_running_stream_of_spectrograms_keep_their_names(output: Path) -> None:
    require_pinned_steps(translated(*STREAM, "--input_kind", "spectrogram", output=output), "spectrogram")


TWICE = "--dataflow_service_options=worker_accelerator=type:nvidia-l4;count:1;install-nvidia-driver"


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (
            ("--gpu=nvidia-l4", "--gpu_placement=right-fitted", TWICE),
            "rules out --gpu_placement right-fitted",
        ),
        (("--gpu=nvidia-l4", "--machine_type=g2-standard-8", TWICE), "GPUs are asked for twice"),
        (
            ("--gpu=nvidia-l4", "--gpu_placement=right-fitted", "--flexrs_goal=COST_OPTIMIZED"),
            "--flexrs_goal has no right fitting",
        ),
        (
            ("--gpu=nvidia-l4", "--experiments=no_use_multiple_sdk_containers"),
            "--gpu shares a worker's GPU between its processes",
        ),
        (("--gpu=nvidia-l4", "--dataflow_service_options=enable_prime"), "Dataflow Prime cannot share"),
        (("--gpu=nvidia-l4", "--experiments=enable_prime"), "Dataflow Prime cannot share"),
        (
            ("--gpu=nvidia-l4", "--machine_type=g2-standard-8", "--resource_hint=accelerator=type:nvidia-l4"),
            "GPUs are asked for twice",
        ),
        (("--gpu=nvidia-l4;count:8", "--machine_type=g2-standard-8"), "no name of a GPU such as nvidia-l4"),
        (("--gpu=l4", "--machine_type=g2-standard-8"), "l4 is no name of a GPU such as nvidia-l4"),
        (
            ("--gpu=nvidia-l4", "--gpu_placement=right-fitted", "--gpu_machine_type=g2-standard-4;count:9"),
            "is no machine such as g2-standard-4",
        ),
        (("--gpu=nvidia-l4",), "nvidia-l4 needs in --machine_type one of g2-"),
        (("--gpu=nvidia-l4", "--machine_type=n1-standard-8"), "one of g2-…, not n1-standard-8"),
        (
            ("--gpu=nvidia-l4", "--gpu_placement=right-fitted", "--gpu_machine_type=n1-standard-8"),
            "nvidia-l4 needs in --gpu_machine_type one of g2-",
        ),
        (("--gpu=nvidia-new",), "needs in --machine_type a machine that it can be attached to"),
        (("--gpu=nvidia-l4", "--gpu_driver=five"), "five is no version such as latest, 580"),
        (("--gpu_driver=580",), "--gpu_driver is for --gpu"),
        (
            ("--gpu=nvidia-x", "--machine_type=x", "--gpu_machine_type=g2-standard-4"),
            "is for --gpu_placement right-fitted",
        ),
        (("--no_wait", "--max_failed_fraction=0.1"), "--max_failed_fraction is for runs that are waited for"),
    ],
)
def test_what_dataflow_would_not_take_is_refused_before_a_job_is_made(
    options: tuple[str, ...], complaint: str, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tonearm("ingest", "gs://catalog/in/", "--output", output, *options, *DATAFLOW, *OFFLINE) == 2
    assert complaint in capsys.readouterr().err
    assert not (output / "runs").exists()


@pytest.mark.parametrize("option", ["--gpu=nvidia-l4", "--no_wait"])
def test_options_of_dataflow_are_for_dataflow(
    option: str, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tonearm("ingest", "gs://catalog/in/", "--output", output, option, "--runner", "PrismRunner") == 2
    assert f"{option.partition('=')[0]} is for --runner DataflowRunner" in capsys.readouterr().err
