"""deploy/kubernetes says what a cluster understands, and pods live as they should."""

from __future__ import annotations

import argparse
import copy
import json
import re
import shutil
import subprocess
from collections.abc import Callable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.deploy.manifest_references import dangling
from tests.deploy.manifests import FOLDER as MANIFESTS
from tests.deploy.manifests import Manifest, complaints, documents, flink_cluster_of, manifests, pod_specs
from tests.deploy.references import FOLDER
from tests.test_documentation import FLINKS_OPTIONS
from tonearm.pipelines.commands import ingest
from tonearm.pipelines.runs.beam_options import names_of_beams_options

REFERENCE = {path.stem: json.loads(path.read_text()) for path in FOLDER.glob("*.json")}

KUSTOMIZATIONS = sorted(path.parent for path in MANIFESTS.rglob("kustomization.yaml"))

ALL = {f"{each['kind']} {each['metadata']['name']}": each for each in manifests()}
WITH_PODS = [name for name, manifest in ALL.items() if list(pod_specs(manifest))]


def _of(manifest: Manifest, *keys: str | int) -> Any:
    value: Any = manifest
    for key in keys:
        value = value[key]
    return value


POD = ("spec", "template", "spec")
JOB = ("spec", "jobTemplate", "spec")
TASKS = ("spec", "taskManager", "podTemplate", "spec")

SEEDED: Mapping[str, tuple[str, Callable[[Manifest], Any]]] = {
    "a misspelt key": (
        "Deployment tonearm-stream",
        lambda each: _of(each, *POD).update(terminationGraceSeconds=1),
    ),
    "a misspelt key of a container": (
        "Deployment tonearm-stream",
        lambda each: _of(each, *POD, "containers", 0, "securityContext").update(readOnlyRootFileSystem=True),
    ),
    "a value of another type": (
        "CronJob tonearm-batch",
        lambda each: _of(each, *JOB).update(backoffLimit="five"),
    ),
    "a missing key": ("CronJob tonearm-batch", lambda each: _of(each, "spec").pop("schedule")),
    "another interface": ("CronJob tonearm-batch", lambda each: each.update(apiVersion="batch/v1beta1")),
    "a kind that is not there": ("CronJob tonearm-batch", lambda each: each.update(kind="CronTask")),
    "a misspelt key of the operator's": (
        "FlinkDeployment tonearm-flink",
        lambda each: _of(each, "spec", "taskManager").update(replica=2),
    ),
    "a version that the operator does not know": (
        "FlinkDeployment tonearm-flink",
        lambda each: _of(each, "spec").update(flinkVersion="v1_12"),
    ),
    "a misspelt key of an autoscaler": (
        "HorizontalPodAutoscaler tonearm-flink",
        lambda each: _of(each, "spec", "metrics", 0, "containerResource").update(containers="workers"),
    ),
    "an autoscaler without a bound": (
        "HorizontalPodAutoscaler tonearm-flink",
        lambda each: _of(each, "spec").pop("maxReplicas"),
    ),
    "a misspelt key of the workers' container": (
        "FlinkDeployment tonearm-flink",
        lambda each: _of(each, *TASKS, "containers", 0).update(arguments=[]),
    ),
}


@pytest.mark.parametrize("name", ALL)
def test_a_cluster_understands_it(name: str) -> None:
    assert complaints(ALL[name], REFERENCE) == []


@pytest.mark.parametrize("fault", SEEDED)
def test_a_fault_is_found(fault: str) -> None:
    name, spoil = SEEDED[fault]
    manifest = copy.deepcopy(ALL[name])
    spoil(manifest)
    assert complaints(manifest, REFERENCE) != []


DANGLING = {
    "no ServiceAccount tonearm-bach": (
        "serviceAccountName: tonearm-batch",
        "serviceAccountName: tonearm-bach",
    ),
    "no ConfigMap settings": ("configMapRef: {name: tonearm}", "configMapRef: {name: settings}"),
    "no container tonerm": ("containerName: tonearm", "containerName: tonerm"),
    "is no schedule": ("schedule: 0 2 * * *", "schedule: 0 25 * * *"),
    "8GB is no quantity": ("memory: 8Gi", "memory: 8GB"),
    "nothing listens at tonearm-jobs:8099": ("tonearm-job-server:8099", "tonearm-jobs:8099"),
    "nothing listens at localhost:50001": ("localhost:50000", "localhost:50001"),
    "nothing listens at tonearm-flink:8081": ("tonearm-flink-rest:8081", "tonearm-flink:8081"),
    "no pod has the port 8097": ("port: 8098", "port: 8097"),
    "its selector is not of its pods": (
        "matchLabels: {app.kubernetes.io/component: stream",
        "matchLabels: {app.kubernetes.io/component: streams",
    ),
    "its selector is of 0 manifests' pods": (
        "selector: {app.kubernetes.io/component: job-server",
        "selector: {app.kubernetes.io/component: job",
    ),
}
"""What is said of a word that is replaced by another one, wherever it stands."""


def test_manifests_refer_to_what_is_there() -> None:
    assert dangling(list(ALL.values())) == []


@pytest.mark.parametrize("complaint", DANGLING)
def test_a_name_of_nothing_is_found(complaint: str) -> None:
    right, wrong = DANGLING[complaint]
    text = yaml.dump_all(ALL.values(), default_flow_style=None, width=10_000)
    assert right in text
    assert [said for said in dangling(documents(text.replace(right, wrong))) if complaint in said] != []


@pytest.mark.parametrize("name", WITH_PODS)
def test_pods_may_do_nothing_that_they_need_not(name: str) -> None:
    for pod in pod_specs(ALL[name]):
        if "automountServiceAccountToken" in pod or ALL[name]["kind"] != "FlinkDeployment":
            assert pod["automountServiceAccountToken"] is False
            assert pod["securityContext"]["runAsNonRoot"] is True
            assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            allowed = container["securityContext"]
            assert allowed["allowPrivilegeEscalation"] is False
            assert allowed["capabilities"] == {"drop": ["ALL"]}
            # Flink writes its configuration into the image's own folder when it starts.
            assert allowed.get("readOnlyRootFilesystem") is (None if container["name"] == FLINK else True)


FLINK = "flink-main-container"


@pytest.mark.parametrize("name", WITH_PODS)
def test_whoever_runs_our_image_has_somewhere_to_write(name: str) -> None:
    for pod in pod_specs(ALL[name]):
        volumes = {volume["name"] for volume in pod.get("volumes", ()) if "emptyDir" in volume}
        for container in pod["containers"]:
            if container.get("image") != "tonearm":
                continue
            places = [mount["mountPath"] for mount in container["volumeMounts"] if mount["name"] in volumes]
            environment = {each["name"]: each["value"] for each in container["env"]}
            assert {environment["HOME"], environment["TMPDIR"], container["workingDir"]} <= set(places)
            assert container["resources"]["requests"].keys() == {"cpu", "memory", "ephemeral-storage"}
            assert {"memory", "ephemeral-storage"} <= container["resources"]["limits"].keys()


def test_a_stream_has_the_time_that_its_stop_may_take() -> None:
    """A hanging fetch, a commit to a storage that is away, and a Pub/Sub that is away, in turn."""
    page = (MANIFESTS.parents[1] / "docs" / "streams.md").read_text()
    (fetch,) = re.findall(r"hangs while the track in hand is fetched \| (\d+) minutes", page)
    (commit,) = re.findall(r"away while a share is committed \| \d+ to (\d+) minutes", page)
    (pubsub,) = re.findall(r"Pub/Sub is away \| (\d+) s", page)
    (pod,) = pod_specs(ALL["Deployment tonearm-stream"])
    assert pod["terminationGracePeriodSeconds"] >= 60 * (int(fetch) + int(commit)) + int(pubsub)
    # More than ten minutes are not to be had everywhere.
    assert pod["terminationGracePeriodSeconds"] <= 600


def test_two_runs_never_meet_on_one_output() -> None:
    stream = ALL["Deployment tonearm-stream"]["spec"]
    assert (stream["replicas"], stream["strategy"]) == (1, {"type": "Recreate"})
    assert ALL["CronJob tonearm-batch"]["spec"]["concurrencyPolicy"] == "Forbid"
    settings = ALL["ConfigMap tonearm"]["data"]
    assert settings["STREAM_OUTPUT"] != settings["BATCH_OUTPUT"]


def test_a_command_counts_the_cpus_that_its_pod_has() -> None:
    for name in ("Deployment tonearm-stream", "CronJob tonearm-batch"):
        (pod,) = pod_specs(ALL[name])
        (container,) = pod["containers"]
        workers = container["args"][container["args"].index("--direct_num_workers") + 1]
        assert container["resources"]["requests"] == container["resources"]["limits"]
        assert container["resources"]["requests"]["cpu"] == workers


@pytest.mark.parametrize("name", WITH_PODS)
def test_commands_are_commands_of_tonearm(name: str) -> None:
    settings = ALL["ConfigMap tonearm"]["data"]
    parser = argparse.ArgumentParser()
    ingest.add_to(parser.add_subparsers())
    for pod in pod_specs(ALL[name]):
        for container in pod["containers"]:
            if container.get("command") != ["tonearm"]:
                continue
            words = [
                re.sub(r"\$\((\w+)\)", lambda found: settings[found[1]], word) for word in container["args"]
            ]
            _, rest = parser.parse_known_args(words)
            others = {word.partition("=")[0] for word in rest if word.startswith("--")}
            assert others <= names_of_beams_options() | FLINKS_OPTIONS


@pytest.mark.parametrize("name", ["Job tonearm-backfill", "Job tonearm-watch"])
def test_a_worker_is_given_up_before_a_job_that_lost_it_starts_again(name: str) -> None:
    configuration = ALL["FlinkDeployment tonearm-flink"]["spec"]["flinkConfiguration"]
    seconds, _ = configuration["restart-strategy.exponential-delay.initial-backoff"].split()
    assert int(options_of(name)["--environment_cache_millis"]) < int(seconds) * 1000


def test_a_job_asks_for_the_task_managers_that_there_are() -> None:
    cluster = ALL["FlinkDeployment tonearm-flink"]["spec"]
    slots = int(cluster["flinkConfiguration"]["taskmanager.numberOfTaskSlots"])
    scaler = ALL["HorizontalPodAutoscaler tonearm-flink"]["spec"]
    assert (
        int(options_of("Job tonearm-backfill")["--parallelism"]) == slots * cluster["taskManager"]["replicas"]
    )
    assert int(options_of("Job tonearm-watch")["--parallelism"]) == slots * scaler["maxReplicas"]
    assert scaler["minReplicas"] <= cluster["taskManager"]["replicas"] <= scaler["maxReplicas"]


def test_an_autoscaler_scales_what_the_operator_makes_by_what_the_workers_do() -> None:
    """The operator calls the task managers' Deployment so; of the FlinkDeployment it would begin anew."""
    scaler = ALL["HorizontalPodAutoscaler tonearm-flink"]["spec"]
    cluster = flink_cluster_of(MANIFESTS / "flink" / "stream")
    assert cluster["spec"]["mode"] == "standalone"
    name = f"{cluster['metadata']['name']}-taskmanager"
    assert scaler["scaleTargetRef"] == {"apiVersion": "apps/v1", "kind": "Deployment", "name": name}
    (metric,) = scaler["metrics"]
    containers = _of(cluster, *TASKS, "containers")
    (measured,) = (each for each in containers if each["name"] == metric["containerResource"]["container"])
    assert "cpu" in measured["resources"]["requests"]  # of which it takes a percentage


def test_streams_alone_have_the_adaptive_scheduler() -> None:
    """Beam's batch jobs were seen to fail under it, and streams to need it when task managers come and go."""
    schedulers = {
        folder: flink_cluster_of(MANIFESTS / "flink" / folder)["spec"]["flinkConfiguration"].get(
            "jobmanager.scheduler"
        )
        for folder in ("backfill", "stream")
    }
    assert schedulers == {"backfill": None, "stream": "adaptive"}


def options_of(name: str) -> dict[str, str]:
    """Options of a Job's command with their values."""
    (pod,) = pod_specs(ALL[name])
    return dict(pairwise(pod["containers"][0]["args"]))


def test_pods_act_as_the_accounts_that_terraform_makes() -> None:
    made = (MANIFESTS.parent / "terraform" / "accounts.tf").read_text()
    kinds = re.findall(r"^    (\w+) += ", made, flags=re.MULTILINE)[:2]
    accounts = {name: each for name, each in ALL.items() if each["kind"] == "ServiceAccount"}
    assert accounts.keys() == {f"ServiceAccount tonearm-{kind}" for kind in kinds}
    for account in accounts.values():
        google = account["metadata"]["annotations"]["iam.gke.io/gcp-service-account"]
        assert google == f"{account['metadata']['name']}@PROJECT.iam.gserviceaccount.com"


@pytest.mark.parametrize("folder", KUSTOMIZATIONS, ids=lambda folder: folder.name)
def test_what_a_kustomization_names_is_there(folder: Path) -> None:
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    files = {name for name in kustomization["resources"] if name.endswith(".yaml")}
    assert files == {path.name for path in folder.glob("*.yaml")} - {"kustomization.yaml"}
    others = set(kustomization["resources"]) - files
    assert {folder / name for name in others} <= {folder / ".." / each.name for each in KUSTOMIZATIONS}
    assert [image["name"] for image in kustomization["images"]] == ["tonearm"]


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed")
@pytest.mark.parametrize("folder", KUSTOMIZATIONS, ids=lambda folder: folder.name)
def test_kubectl_puts_it_together(folder: Path) -> None:
    done = subprocess.run(["kubectl", "kustomize", folder], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    made = documents(done.stdout)
    for each in made:
        if each["kind"] == "FlinkDeployment":
            expected = flink_cluster_of(folder)["spec"]["flinkConfiguration"]
            assert each["spec"]["flinkConfiguration"] == expected
    assert [said for each in made for said in complaints(each, REFERENCE)] == []
    assert {each["metadata"].get("namespace") for each in made if each["kind"] != "Namespace"} == {"tonearm"}
    # Not even in the FlinkDeployment, a kind that Kubernetes' own tools need not know.
    assert "image: tonearm\n" not in done.stdout


def test_nothing_here_is_secret() -> None:
    assert not {each["kind"] for each in ALL.values()} & {"Secret"}
    assert not [name for name, each in ALL.items() if "secretKeyRef" in json.dumps(each)]
