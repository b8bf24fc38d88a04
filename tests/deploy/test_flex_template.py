"""The Flex Template: what it says of itself, the values that it takes, and what its launcher does."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.catalog import last_run, tonearm
from tests.cloud import BUCKET, TABLES, tables_of
from tests.deploy.dataflow_jobs import DATAFLOW, FOLDER, launcher, metadata
from tests.servers.gcs import GcsServer
from tonearm.pipelines.commands import ingest
from tonearm.pipelines.runs.beam_options import names_of_beams_options
from tonearm.transforms.storage.schemes import forget_storages
from tonearm.transforms.tables.parquet.note_object import HELD_BY

PARAMETERS = {parameter["name"]: parameter for parameter in metadata()["parameters"]}

VALUES: dict[str, tuple[list[str], list[str]]] = {
    "input": (
        ["gs://catalog/in/", "gs://catalog", "gs://my.catalog_1/**/*.flac", "s3://catalog/all.csv"],
        ["in/", "/music", "gs://", "gs://B/in", "https://example.com/a.mp3"],
    ),
    "subscription": (
        ["projects/music-tags/subscriptions/uploads"],
        ["uploads", "projects/p/topics/uploads", "projects/p/subscriptions/", "projects/p/subscriptions/1st"],
    ),
    "output": (
        ["gs://tables/tags", "bigquery://music-tags.tags", "bigquery://example.com:music.tags_2"],
        ["tags", "gs://tables", "bigquery://music-tags", "bigquery://music-tags.my-tags", "bigquery:p.d"],
    ),
    "sdk_container_image": (
        ["europe-west1-docker.pkg.dev/p/tonearm/dataflow:0.1.0", "registry:5000/a@sha256:" + "0a" * 32],
        ["tonearm", "tonearm:0.1.0", "europe-west1-docker.pkg.dev/p/tonearm/dataflow", "r/a@sha256:12"],
    ),
    "input_kind": (["audio", "spectrogram"], ["audios", "Audio", "npz"]),
    "tagger": (["musicnn", "gs://models/ours/1"], ["", "http://models/ours", "a b"]),
    "precision": (["float32", "bf16"], ["float16", "bf160"]),
    "segment_seconds": (["15", "0.5", "7.25"], ["0", "0.0", "-1", "1e3", "15s"]),
    "max_patches": (["2", "16", "1024"], ["0", "3", "-2", "1025", "2.0"]),
    "max_track_bytes": (["1", "4294967296"], ["0", "4GB", "-1"]),
    "prefix": (["gs://catalog/in/", "gs://catalog/"], ["in/", "gs://catalog/in/**", "gs://catalog"]),
    "suffix": ([".flac", "_master.wav"], ["*.flac", ".flac,.mp3", ""]),
    "billing_project": (["music-tags", "example.com:music-tags"], ["12345", "Music", "music-"]),
    "gpu": (["nvidia-l4", "nvidia-tesla-t4"], ["l4", "nvidia-", "type:nvidia-l4", "nvidia-l4;count:2"]),
    "gpu_driver": (["latest", "default", "580", "5xx", "580.95.05"], ["new", "580;x", "", "580."]),
    "gpu_placement": (["fused", "right-fitted"], ["right fitted", "both"]),
    "gpu_machine_type": (["g2-standard-4", "a2-highgpu-1g"], ["g2", "big", "g2-standard-4;x"]),
    "number_of_worker_harness_threads": (["1", "12"], ["0", "-1", "many", "10000"]),
    "disk_size_gb": (["30", "100"], ["0", "5", "100GB"]),
    "autoscaling_algorithm": (["THROUGHPUT_BASED", "NONE"], ["none", "BASIC"]),
    "dataflow_service_options": (
        ["min_num_workers=2", "enable_prime"],
        ["worker_accelerator=type:nvidia-l4;count:1", "a=1,b=2", "=1", "Min=2"],
    ),
}
"""Good values and bad ones of each parameter."""


def takes(regexes: list[str], value: str) -> bool:
    """What Dataflow makes of a value: it must match every POSIX extended expression."""
    return all(
        subprocess.run(["grep", "-Eq", regex], input=f"{value}\n", text=True, check=False).returncode == 0
        for regex in regexes
    )


def test_every_parameter_says_what_it_is() -> None:
    for parameter in PARAMETERS.values():
        assert parameter.keys() == {"name", "label", "helpText", "isOptional", "regexes"}
        assert parameter["label"] and parameter["helpText"].endswith(".")
        assert all(regex[0] == "^" and regex[-1] == "$" for regex in parameter["regexes"])
    required = {name for name, parameter in PARAMETERS.items() if not parameter["isOptional"]}
    assert required == {"output", "sdk_container_image"}


def test_a_stream_is_worked_exactly_once() -> None:
    """At least once would gather other rows when it tries again, and write them again."""
    said = metadata()
    assert said["streaming"] and said["supportsExactlyOnce"] and not said["supportsAtLeastOnce"]


@pytest.mark.parametrize("name", PARAMETERS)
def test_good_values_are_taken_and_bad_ones_refused(name: str) -> None:
    good, bad = VALUES[name]
    regexes = PARAMETERS[name]["regexes"]
    assert [value for value in good if not takes(regexes, value)] == []
    assert [value for value in bad if takes(regexes, value)] == []


def test_every_parameter_is_an_option_that_the_command_takes() -> None:
    commands = argparse.ArgumentParser().add_subparsers()
    ingest.add_to(commands)
    ours = commands.choices["ingest"]
    known = {*ours._option_string_actions, *names_of_beams_options()}
    assert {f"--{name}" for name in PARAMETERS if name != "input"} <= known
    for name, (good, _) in VALUES.items():
        for value in good:
            ours.parse_known_args(launcher().call_of([f"--{name}={value}", "--output=gs://t/t"])[1:])
    defaults = {action.dest: action.default for action in ours._actions}
    for name, parameter in PARAMETERS.items():
        if said := re.search(r"Default: (\S+)\.$", parameter["helpText"]):
            assert str(defaults[name]) in (said[1], f"{said[1]}.0")


def test_the_image_of_the_template_starts_what_is_there() -> None:
    dockerfile = (FOLDER / "Dockerfile").read_text()
    (started,) = re.findall(r"^ENV FLEX_TEMPLATE_PYTHON_PY_FILE=(\S+)$", dockerfile, flags=re.MULTILINE)
    (copied,) = re.findall(rf"^COPY (\S+) {started}$", dockerfile, flags=re.MULTILINE)
    assert (FOLDER / copied).exists()


@pytest.mark.slow
def test_a_launch_leaves_the_job_where_the_launcher_looks_for_it_and_returns(
    gcs_server: GcsServer, tmp_path: Path
) -> None:
    """The launcher names a place for the job's message, and makes a job of what it finds there."""
    forget_storages()
    for bucket in (BUCKET, "music-tags-dataflow"):
        gcs_server.create_bucket(bucket)
    gcs_server.upload(BUCKET, "in/a.mp3", FOLDER / "launch.py")
    place = tmp_path / "launch" / "job_object"
    place.parent.mkdir()
    parameters = [f"--input=gs://{BUCKET}/in/", f"--output=gs://{BUCKET}/{TABLES}", "--tagger="]
    image = "--sdk_container_image=europe-west1-docker.pkg.dev/p/tonearm/dataflow:0.1.0"
    call = launcher().call_of([*parameters, image, *DATAFLOW, f"--template_location={place}"])
    assert tonearm(*call) == 0
    job = json.loads(place.read_text())
    assert job["name"] == "tonearm"
    assert image.partition("=")[2] in place.read_text()
    run = last_run(tables_of(gcs_server, tmp_path / "seen"))
    assert (run["mode"], run["ended"]) == ("batch", None)
    held = [name for name in gcs_server.names(BUCKET, TABLES) if name.endswith(HELD_BY)]
    assert held, "the output is the job's, whose workers give signs of life"
