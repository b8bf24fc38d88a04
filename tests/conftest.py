"""Fixtures that tests of whole runs share."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.catalog import write_song

pytest_plugins = ["tests.servers.fixtures", "tests.transforms.storage.stores"]

collect_ignore = ["models/musicnn/make_golden_synthetic.py"]
"""Runs in the original's environment; its imports are not in ours."""

settings.register_profile("busy machine", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("busy machine")
"""How long an example takes says how busy the machine is, and nothing of what is tested."""


@pytest.fixture(scope="session", autouse=True)
def temporary_files_go_with_the_tests(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """What a server, a killed run or a library leaves in the temporary folder, pytest deletes some day."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("TMPDIR", str(tmp_path_factory.mktemp("temporary")))
        patched.setattr(tempfile, "tempdir", None)
        yield


@pytest.fixture(scope="session")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four short tracks in four formats; to be read, not changed."""
    folder = tmp_path_factory.mktemp("songs")
    kinds = {"flac": "flac", "mp3": "mp3", "ogg": "vorbis", "opus": "opus"}
    for number, (ending, kind) in enumerate(kinds.items(), start=1):
        write_song(folder / f"{ending}.{ending}", kind, from_hz=150.0 * number)
    return folder


@pytest.fixture
def output(tmp_path: Path) -> Path:
    """Where tables go; not made yet."""
    return tmp_path / "tables"


@pytest.fixture
def temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder that stands in for the system's temporary one, in subprocesses too."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr(tempfile, "tempdir", None)
    return folder


@pytest.fixture(scope="session")
def samples() -> Path:
    """The manifest of the eight tracks that the project ships."""
    return Path(__file__).parent.parent / "samples" / "manifest.csv"
