"""The cache of exported graphs survives damage, rivals and folders that cannot be written."""

from __future__ import annotations

import multiprocessing
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tonearm.models.engines.cache import cache_folder, cached

CONTENT = b"graph" * 1000


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return tmp_path / "tonearm"


def test_an_entry_is_built_once_and_found_again(folder: Path) -> None:
    assert cached("entry", lambda: CONTENT) == CONTENT
    assert cached("entry", _never) == CONTENT
    assert cache_folder() == folder


def test_without_the_variable_the_cache_is_in_the_home_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert cache_folder() == tmp_path / ".cache" / "tonearm"


def test_without_a_home_an_entry_is_built_in_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def nobody(uid: int) -> None:
        raise KeyError(uid)

    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.delenv("HOME", raising=False)
    monkeypatch.setattr("pwd.getpwuid", nobody)
    assert cache_folder() is None
    assert cached("entry", lambda: CONTENT) == CONTENT


@pytest.mark.parametrize("damage", ["cut", "flipped", "emptied"])
def test_a_damaged_entry_is_built_again(folder: Path, damage: str) -> None:
    cached("entry", lambda: CONTENT)
    whole = (folder / "entry").read_bytes()
    damaged = {"cut": whole[:-7], "flipped": whole[:-1] + b"?", "emptied": b""}[damage]
    (folder / "entry").write_bytes(damaged)
    assert cached("entry", lambda: CONTENT) == CONTENT
    assert (folder / "entry").read_bytes() == whole


def test_a_folder_that_cannot_be_made_is_done_without(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("not a folder")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    assert cached("entry", lambda: CONTENT) == CONTENT


def test_a_build_that_fails_says_why_and_leaves_nothing(folder: Path) -> None:
    with pytest.raises(ValueError, match="bad weights"):
        cached("entry", _fail)
    assert not (folder / "entry").exists()
    assert cached("entry", lambda: CONTENT) == CONTENT


def test_threads_that_start_together_build_once() -> None:
    builds = []

    def build() -> bytes:
        builds.append(threading.get_ident())
        time.sleep(0.1)
        return CONTENT

    with ThreadPoolExecutor(4) as pool:
        assert set(pool.map(lambda _: cached("entry", build), range(4))) == {CONTENT}
    assert len(builds) == 1


def test_processes_that_start_together_build_once(tmp_path: Path) -> None:
    log = tmp_path / "builds"
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        assert set(pool.map(_cached_with_log, [log] * 4, chunksize=1)) == {CONTENT}
    assert log.read_text() == "built\n"


def test_no_temporary_file_is_left(folder: Path) -> None:
    cached("entry", lambda: CONTENT)
    assert sorted(path.name for path in folder.iterdir()) == ["entry", "entry.lock"]


def _cached_with_log(log: Path) -> bytes:
    def build() -> bytes:
        with log.open("a") as stream:
            stream.write("built\n")
        time.sleep(0.3)
        return CONTENT

    return cached("entry", build)


def _never() -> bytes:
    raise AssertionError("the entry is there")


def _fail() -> bytes:
    raise ValueError("bad weights")
