"""Files on a disk that are half written: they stay while their writer lives, and go when it was killed."""

from __future__ import annotations

import errno
import fcntl
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tonearm.transforms.storage.local import LocalStorage, delete_half_written

LocalWrite = Callable[[str], object]


def write(uri: str) -> None:
    LocalStorage().write(uri, b"new")


def create(uri: str) -> None:
    assert LocalStorage().write_if(uri, b"new", None)


def exchange(uri: str) -> None:
    seen = LocalStorage().write_if(uri, b"old", None)
    assert LocalStorage().write_if(uri, b"new", seen)


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


@pytest.fixture
def target(tmp_path: Path) -> str:
    """The file that is written."""
    return str(tmp_path / "_held_by.json")


@pytest.mark.parametrize("written", [write, create, exchange])
@pytest.mark.parametrize("moment", ["replace", "hardlink_to"])
def test_a_file_that_is_being_written_is_no_leftover(
    target: str, written: LocalWrite, moment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As when a run that holds the output clears up while another one tries to write its note."""
    given_its_name = getattr(Path, moment)

    def swept_before(part: Path, other: Any) -> object:
        delete_half_written(str(Path(target).parent))
        return given_its_name(part, other)

    monkeypatch.setattr(Path, moment, swept_before)
    written(target)
    assert Path(target).read_bytes() == b"new"
    assert names_in(Path(target).parent) == [Path(target).name]


@pytest.mark.parametrize("written", [write, create, exchange])
def test_a_file_that_is_deleted_before_it_is_locked_is_begun_again(
    target: str, written: LocalWrite, monkeypatch: pytest.MonkeyPatch
) -> None:
    lock, swept = fcntl.flock, list[str]()

    def swept_before(file: Any, how: int) -> None:
        if how == fcntl.LOCK_EX and file.name.endswith(".part") and len(swept) < 3:
            swept.append(file.name)
            delete_half_written(str(Path(target).parent))
            assert not Path(file.name).exists()
        lock(file, how)

    monkeypatch.setattr(fcntl, "flock", swept_before)
    written(target)
    assert len(set(swept)) == 3
    assert Path(target).read_bytes() == b"new"
    assert names_in(Path(target).parent) == [Path(target).name]


_STOPPED_HALFWAY = """
import sys
from pathlib import Path
from tonearm.transforms.storage.local import LocalStorage

def stopped(part, other):
    print("written", flush=True)
    sys.stdin.read()

Path.replace = stopped
LocalStorage().write(sys.argv[1], b"new")
"""


def test_what_another_process_writes_stays_until_it_is_killed(target: str) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", _STOPPED_HALFWAY, target], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert process.stdout is not None
    assert process.stdout.readline() == b"written\n"
    folder = Path(target).parent
    delete_half_written(str(folder))
    assert len(names_in(folder)) == 1
    process.kill()
    process.communicate()
    delete_half_written(str(folder))
    assert names_in(folder) == []


def test_a_process_that_was_forked_while_a_file_was_written_keeps_nobody_waiting(
    target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has the file open, too, and a lock falls when the last one closes it."""
    copies, lock = list[int](), fcntl.flock

    def copied(file: Any, how: int) -> None:
        lock(file, how)
        if how == fcntl.LOCK_EX:
            copies.append(os.dup(file.fileno()))  # as a fork does

    monkeypatch.setattr(fcntl, "flock", copied)
    seen = LocalStorage().write_if(target, b"1", None)
    seen = LocalStorage().write_if(target, b"2", seen)
    monkeypatch.undo()
    with Path(target).open("rb+") as file:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    for copy in copies:
        os.close(copy)


def test_on_a_disk_that_knows_no_locks_nothing_is_taken_for_a_leftover(
    target: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unknown(file: Any, how: int) -> None:
        raise OSError(errno.ENOSYS, "Function not implemented")

    monkeypatch.setattr(fcntl, "flock", unknown)
    (other := Path(target).with_name(".0123456789abcdef.part")).write_bytes(b"ne")
    write(target)
    delete_half_written(str(other.parent))
    assert names_in(other.parent) == sorted([other.name, Path(target).name])


def test_only_files_of_this_name_are_leftovers(tmp_path: Path) -> None:
    (tmp_path / ".0123456789abcdef.part").mkdir()
    (tmp_path / ".1123456789abcdef.part").symlink_to(tmp_path / "mine")
    (tmp_path / "mine").write_text("mine")
    (tmp_path / ".2123456789abcdef.part").write_text("cut")
    delete_half_written(str(tmp_path))
    assert names_in(tmp_path) == [".0123456789abcdef.part", ".1123456789abcdef.part", "mine"]
