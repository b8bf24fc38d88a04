"""deploy/Dockerfile takes the versions that are locked, and what an image is built from is whole."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.deploy.manifests import FOLDER as MANIFESTS
from tests.deploy.manifests import manifests, pod_specs

ROOT = Path(__file__).parents[2]
DOCKERFILE = (ROOT / "deploy" / "Dockerfile").read_text()
LOCKED = dict(re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "requirements.lock").read_text(), flags=re.MULTILINE))


def hadolint(text: str) -> subprocess.CompletedProcess[str]:
    program = Path(sys.executable).with_name("hadolint")
    return subprocess.run([program, "-"], input=text, capture_output=True, text=True, check=False)


def test_the_linter_has_nothing_to_say() -> None:
    done = hadolint(DOCKERFILE)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("right", "wrong", "rule"),
    [
        ("uv==0.13.9", "uv", "DL3013"),
        ("WORKDIR /home/tonearm", "WORKDIR work", "DL3000"),
        ("--no-cache-dir ", "", "DL3042"),
        ('CMD ["tonearm", "--version"]', "CMD tonearm --version", "DL3025"),
    ],
)
def test_a_fault_is_found(right: str, wrong: str, rule: str) -> None:
    assert right in DOCKERFILE
    done = hadolint(DOCKERFILE.replace(right, wrong))
    assert done.returncode != 0
    assert rule in done.stdout


def test_versions_are_the_locked_ones() -> None:
    (uv,) = re.findall(r"^UV +:= uv==(\S+)", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    assert f"uv=={uv}" in DOCKERFILE
    assert f"SDK=apache/beam_python3.11_sdk:{LOCKED['apache-beam']}" in DOCKERFILE
    version = re.search(r'^version = "(.*)"', (ROOT / "pyproject.toml").read_text(), flags=re.MULTILINE)
    assert version is not None
    assert f'image.version="{version[1]}"' in DOCKERFILE
    for path in MANIFESTS.rglob("kustomization.yaml"):
        kustomization = yaml.safe_load(path.read_text())
        assert kustomization["images"][0]["newTag"] == version[1]
    beams = [
        container["image"]
        for manifest in manifests()
        for pod in pod_specs(manifest)
        for container in pod["containers"]
        if container.get("image", "").startswith("apache/beam_")
    ]
    assert beams == [f"apache/beam_flink1.19_job_server:{LOCKED['apache-beam']}"]
    page = (ROOT / "deploy" / "flink" / "README.md").read_text()
    assert set(re.findall(r"(?:prism@v|job-server[-/])(\d[\d.]*\d)", page)) == {LOCKED["apache-beam"]}


def test_an_image_without_cuda_has_all_the_other_packages() -> None:
    (pattern,) = re.findall(r"grep -vE '(.*?)'", DOCKERFILE)
    left_out = {name for name, version in LOCKED.items() if re.match(pattern, f"{name}=={version}")}
    (torchs,) = re.findall(r"grep -E '(.*?)'", DOCKERFILE)
    elsewhere = {name for name, version in LOCKED.items() if re.match(torchs, f"{name}=={version}")}
    assert elsewhere == {"torch", "torchaudio"}
    assert elsewhere < left_out
    cuda = {name for name in left_out - elsewhere if name.startswith(("cuda-", "nvidia-"))}
    assert left_out - elsewhere - cuda == {"triton"}
    assert cuda


def test_an_image_is_built_from_what_the_package_holds() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = {line[1:] for line in lines if line.startswith("!")}
    assert "*" in lines
    assert [name for name in allowed if not (ROOT / name).exists()] == []
    folders = {path.name for path in (ROOT / "tonearm").iterdir() if path.is_symlink()}
    assert folders | {"tonearm", "pyproject.toml", "setup.py", "README.md", "requirements.lock"} == allowed


def test_pods_run_as_the_account_of_the_image() -> None:
    (uid, gid) = re.findall(r"^USER (\d+):(\d+)$", DOCKERFILE, flags=re.MULTILINE)[0]
    (place,) = re.findall(r"^WORKDIR (/home/tonearm)$", DOCKERFILE, flags=re.MULTILINE)
    for manifest in manifests():
        for pod in pod_specs(manifest):
            for container in pod["containers"]:
                if container.get("image") == "tonearm":
                    account = pod["securityContext"] | container["securityContext"]
                    assert (account["runAsUser"], account["runAsGroup"]) == (int(uid), int(gid))
                    assert container["workingDir"] == place
