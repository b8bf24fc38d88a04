"""The package: what Beam makes of `--setup_file` installs, with its bundles, away from the checkout."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from pathlib import Path

import pytest
from apache_beam.runners.portability.stager import Stager

from tonearm.models.architectures import ARCHITECTURES
from tonearm.models.engines.openvino_graph import digest_of_sources

ROOT = Path(__file__).parent.parent
PACKAGES = ("pipelines", "learning", "transforms", "models", "model_artifacts")
BUNDLE = {
    f"tonearm/model_artifacts/musicnn/{name}"
    for name in ("bundle.json", "mtt.safetensors", "msd.safetensors")
}
NOTICES = {f"tonearm/model_artifacts/musicnn/{name}" for name in ("LICENSE", "README.md")}


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The source package, made from a copy of the checkout as Beam makes it for its workers."""
    copy = tmp_path_factory.mktemp("checkout") / "tonearm"
    copy.mkdir()
    for name in ("setup.py", "pyproject.toml", "README.md"):
        shutil.copy(ROOT / name, copy)
    for package in PACKAGES:
        shutil.copytree(ROOT / package, copy / package, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "tonearm", copy / "tonearm", symlinks=True)
    made = Stager._build_setup_package(str(copy / "setup.py"), str(tmp_path_factory.mktemp("sdist")))
    return Path(made)


@pytest.fixture(scope="module")
def installed(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what installing the source package puts on a worker."""
    wheels, folder = tmp_path_factory.mktemp("wheels"), tmp_path_factory.mktemp("installed")
    pip("wheel", "--no-deps", "--no-build-isolation", "--no-index", "--wheel-dir", wheels, sdist)
    (wheel,) = wheels.glob("tonearm-*.whl")
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder)
    return folder


def pip(*arguments: str | Path) -> None:
    subprocess.run([sys.executable, "-m", "pip", "--quiet", *map(str, arguments)], check=True)


def test_the_source_package_carries_the_bundle_and_its_notices(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.split("/", 1)[-1] for name in archive.getnames()}
    assert names >= BUNDLE | NOTICES | {"setup.py", "pyproject.toml"}


def test_the_wheel_carries_every_module_the_bundle_and_the_command(installed: Path) -> None:
    for package in PACKAGES:
        in_checkout = {str(path.relative_to(ROOT)) for path in (ROOT / package).rglob("*.py")}
        assert {name for name in in_checkout if not (installed / "tonearm" / name).exists()} == set()
    assert all((installed / name).exists() for name in BUNDLE | NOTICES)
    (entry_points,) = installed.glob("tonearm-*.dist-info/entry_points.txt")
    assert "tonearm = tonearm.pipelines.main:main" in entry_points.read_text()
    assert not (installed / "tests").exists()


@pytest.mark.slow
def test_an_installed_engine_sees_the_sources_that_its_graphs_are_made_by(installed: Path) -> None:
    program = (
        "from tonearm.models.architectures import ARCHITECTURES; "
        "from tonearm.models.engines.openvino_graph import digest_of_sources; "
        "print(digest_of_sources(ARCHITECTURES['musicnn']))"
    )
    environment = {**os.environ, "PYTHONPATH": str(installed)}
    command = [sys.executable, "-c", program]
    told = subprocess.run(command, cwd=installed, env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.strip() == digest_of_sources(ARCHITECTURES["musicnn"])


def test_an_installed_command_tags_a_track_with_the_bundle_it_brought(
    installed: Path, songs: Path, tmp_path: Path
) -> None:
    program = (
        "from tonearm import model_artifacts; from tonearm.pipelines.main import main; "
        "print(model_artifacts.__file__); main()"
    )
    command = subprocess.run(
        [
            sys.executable,
            "-c",
            program,
            "ingest",
            str(songs / "flac.flac"),
            "--output",
            str(tmp_path / "tables"),
        ],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(installed)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert command.stdout.startswith(str(installed))
    assert "seen 1 = tagged 1" in command.stdout


def test_a_checkout_that_lost_its_links_is_refused_with_what_to_do(tmp_path: Path) -> None:
    """Some tools unpack a link as a text file with its target: a wheel made of it would hold nothing."""
    shutil.copy(ROOT / "setup.py", tmp_path)
    (tmp_path / "tonearm").mkdir()
    (tmp_path / "tonearm" / "__init__.py").touch()
    for package in PACKAGES:
        (tmp_path / package).mkdir()
        (tmp_path / "tonearm" / package).write_text(f"../{package}")
    command = [sys.executable, "setup.py", "--name"]
    told = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert (
        "text files where links belong: learning, model_artifacts, models, pipelines, transforms"
        in told.stderr
    )
    subprocess.run(told.stderr.partition("anew: ")[2], shell=True, cwd=tmp_path, check=True)
    subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)


def test_a_module_of_an_earlier_build_is_not_packed(tmp_path: Path) -> None:
    shutil.copy(ROOT / "setup.py", tmp_path)
    (tmp_path / "tonearm").mkdir()
    (tmp_path / "tonearm" / "__init__.py").touch()
    earlier = tmp_path / "build" / "lib" / "tonearm" / "earlier.py"
    earlier.parent.mkdir(parents=True)
    earlier.touch()
    command = [sys.executable, "setup.py", "--quiet", "build"]
    subprocess.run(command, cwd=tmp_path, capture_output=True, check=True)
    assert [path.name for path in earlier.parent.iterdir()] == ["__init__.py"]


INSTALL = (
    "python3.11 -m pip wheel --no-deps --wheel-dir dist .",
    "python3.11 -m venv ~/tonearm",
    "~/tonearm/bin/pip install --requirement requirements.lock",
    "~/tonearm/bin/pip install --no-deps dist/tonearm-*.whl",
    "~/tonearm/bin/tonearm --help",
)


@pytest.mark.slow
def test_the_readmes_commands_install_a_command_that_works(songs: Path, tmp_path: Path) -> None:
    """With the dependencies of this environment, which would take minutes to install once more."""
    readme = (ROOT / "README.md").read_text()
    assert "".join(f"    {line}\n" for line in INSTALL) in readme
    checkout, home = tmp_path / "checkout", tmp_path / "home"
    subprocess.run(["git", "clone", "--quiet", ROOT, checkout], check=True)
    home.mkdir()
    for line in INSTALL:
        if "requirements.lock" in line:
            (site_packages,) = home.glob("tonearm/lib/python*/site-packages")
            (site_packages / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
            continue
        here = line.replace("python3.11", sys.executable).replace(
            "pip wheel", "pip wheel --no-build-isolation"
        )
        subprocess.run(here, shell=True, cwd=checkout, env={**os.environ, "HOME": str(home)}, check=True)
    command = home / "tonearm/bin/tonearm"
    call = [command, "ingest", songs, "--output", tmp_path / "tables"]
    told = subprocess.run(call, cwd=tmp_path, capture_output=True, text=True, check=True).stdout
    assert "seen 4 = tagged 4" in told
