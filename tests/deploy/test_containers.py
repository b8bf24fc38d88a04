"""The images of deploy/ are built, and tag the samples as the user that they are made for.

make container-test
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from deploy.flink.cluster import flink_cluster
from deploy.flink.comparison import differences
from tests.catalog import keys, scores, table, tonearm
from tests.deploy.containers import (
    BASE,
    LAUNCHER,
    NEEDS,
    SDK,
    Containers,
    has_pytorchs_index,
    missing,
    version_in,
)
from tests.deploy.dataflow_jobs import DATAFLOW, OFFLINE

ROOT = Path(__file__).parents[2]
FOLDER = os.environ.get("TONEARM_CONTAINERS", "")
IMAGE, TEMPLATE = "localhost/tonearm", "localhost/tonearm-dataflow"
USER = 1000

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not FOLDER, reason="takes minutes and 15 GB: run `make container-test`"),
]


@pytest.fixture(scope="module")
def containers() -> Iterator[Containers]:
    """The images, built; in a folder that was there before they are kept, and built faster the next time."""
    assert missing() == [], f"this needs root and {', '.join(NEEDS)}: apt-get install {' '.join(NEEDS[:-1])}"
    folder = Path(FOLDER)
    is_ours = not folder.exists()
    folder.mkdir(parents=True, exist_ok=True)
    made = Containers(folder)
    beam = version_in((ROOT / "requirements.lock").read_text(), "apache-beam")
    made.make_stand_ins(beam)
    # Where PyTorch's own index is out of reach, the image is the one for GPUs, which runs on CPUs too.
    index = {} if has_pytorchs_index() else {"TORCH_INDEX": ""}
    made.build(IMAGE, ROOT / "deploy" / "Dockerfile", ROOT, BASE=BASE, SDK=SDK, **index)
    template = ROOT / "deploy" / "dataflow"
    made.build(TEMPLATE, template / "Dockerfile", template, TONEARM=IMAGE, LAUNCHER=LAUNCHER)
    kind = "with CUDA's libraries" if index else "without CUDA's libraries"
    print(f"\nimage {kind}: {made.gigabytes(IMAGE):.2f} GB, of that the base {made.gigabytes(BASE):.2f} GB")
    yield made
    if is_ours:
        made.remove()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A folder that the image's user may write to, in place of its home."""
    place = tmp_path / "home"
    place.mkdir()
    os.chown(place, USER, USER)
    return place


def test_the_samples_are_tagged_as_user_1000_without_a_network(
    containers: Containers, home: Path, tmp_path: Path
) -> None:
    volumes = (f"{ROOT / 'samples'}:/music:ro", f"{home}:/home/tonearm")
    call = ("ingest", "/music/manifest.csv", "--output", "/home/tonearm/tags")
    containers.run(IMAGE, "tonearm", *call, volumes=volumes, options=["--tmpfs=/tmp"])
    here = tmp_path / "here"
    command = [Path(sys.executable).with_name("tonearm"), "ingest", "samples/manifest.csv", "--output", here]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    tags = home / "tags"
    assert {path.stat().st_uid for path in tags.rglob("*.parquet")} == {USER}
    assert [key[0] for key in keys(tags)] == [key[0] for key in keys(here)]
    there, expected = scores(tags), scores(here)
    assert there.keys() == expected.keys()
    for track, values in expected.items():
        assert there[track] == pytest.approx(values, abs=1e-6)
    assert table(tags, "failures") == table(here, "failures") == []


def test_the_networks_are_exported_already(containers: Containers) -> None:
    containers.run(
        IMAGE,
        "python",
        "-c",
        "from tonearm.models.engines import openvino_graph, openvino_engine, shared\n"
        "from tonearm.models.bundles.loading import cached_tagger\n"
        "openvino_graph._export = None\n"  # whoever misses the cache fails
        "shared.shared_engine(cached_tagger('musicnn'), 'float32')\n"
        "openvino_engine.fill_cache(cached_tagger('musicnn'))",
        options=["--tmpfs=/tmp"],
    )


def test_the_image_tells_its_version_and_is_nobody_important(containers: Containers) -> None:
    assert containers.run(IMAGE, "tonearm", "--version").startswith("tonearm ")
    assert containers.run(IMAGE, "id", "--user").strip() == str(USER)


def test_nothing_is_left_of_the_build(containers: Containers) -> None:
    compilers = "for each in gcc g++ cc c++ clang ld make uv; do command -v $each; done; true"
    assert containers.run(IMAGE, "sh", "-c", compilers).split() == []
    caches = "find /root /home /opt /var/cache -name '*.deb' -o -name '*.whl' -o -path '*/.cache/*' -type f"
    found = containers.run(IMAGE, "sh", "-c", f"{caches} 2>/dev/null; true").splitlines()
    assert [path for path in found if "/ensurepip/" not in path] == []
    assert containers.run(IMAGE, "sh", "-c", "ls /source /root/.cache /tmp/torch.txt 2>/dev/null; true") == ""


def test_beams_start_is_the_entry_point(containers: Containers) -> None:
    told = containers.run(IMAGE, "/opt/apache/beam/boot", check=False)
    assert "No id provided" in told


@contextmanager
def everybody_may_write() -> Iterator[None]:
    """Let what is made meanwhile be open to all: the image's user goes on with what this command begins."""
    before = os.umask(0)
    try:
        yield
    finally:
        os.umask(before)


def test_workers_of_flink_run_in_the_image(
    containers: Containers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Flink's task managers start the image by Docker's command line (environment type DOCKER)."""
    here, there = tmp_path / "here", tmp_path / "there"
    there.mkdir()
    there.chmod(0o777)
    programs = tmp_path / "programs"
    programs.mkdir()
    samples = ROOT / "samples"
    containers.write_docker(programs, f"{samples}:{samples}:ro", f"{there}:{there}")
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    assert tonearm("ingest", samples, "--output", here) == 0
    in_image = ("--environment_type", "DOCKER", "--environment_config", IMAGE)  # the last one given counts
    try:
        with flink_cluster() as flink, everybody_may_write():
            assert tonearm("ingest", samples, "--output", there, *flink.options(), *in_image) == 0
    finally:
        containers.end_all()
    assert differences(str(here), str(there)) == []


def test_the_template_hands_over_a_graph(containers: Containers, home: Path) -> None:
    call = (
        "--input=/music",
        "--output=/home/tonearm/tags",
        "--gpu=nvidia-l4",
        "--machine_type=g2-standard-8",
    )
    containers.run(
        TEMPLATE,
        "/opt/google/dataflow/python_template_launcher",
        *(*call, *DATAFLOW, *OFFLINE),
        volumes=(f"{ROOT / 'samples'}:/music:ro", f"{home}:/home/tonearm"),
        options=["--tmpfs=/tmp"],
    )
