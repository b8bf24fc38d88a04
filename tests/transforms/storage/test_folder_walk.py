"""Folders of a disk: each is listed once, whatever links lead where."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any

import pytest

from tonearm.transforms.storage.contract import StoredObject
from tonearm.transforms.storage.folder_walk import walk
from tonearm.transforms.storage.schemes import list_objects


def below(folder: Path) -> list[str]:
    """What a folder's listing names, relative to it; with the word of what is wrong."""
    found = []
    for each in list_objects(str(folder)):
        uri, word = (each.uri, "") if isinstance(each, StoredObject) else (each[0], f" {each[1].word}")
        found.append(str(Path(uri).relative_to(folder)) + word)
    return found


def fill(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(name)


def test_a_file_has_the_name_without_a_link_if_there_is_one(tmp_path: Path) -> None:
    fill(tmp_path, "in/z/a.mp3", "in/b.mp3", "elsewhere/c.mp3")
    (tmp_path / "in/a-link").symlink_to("z")
    (tmp_path / "in/new").symlink_to("../elsewhere")
    (tmp_path / "in/old").symlink_to("../elsewhere")
    assert below(tmp_path / "in") == ["b.mp3", "z/a.mp3", "new/c.mp3"]


def test_loops_end_at_once(tmp_path: Path) -> None:
    fill(tmp_path, "in/a.mp3", "in/deep/b.mp3")
    (tmp_path / "in/self").symlink_to(".")
    (tmp_path / "in/deep/up").symlink_to("..")
    (tmp_path / "in/deep/out").symlink_to("../..")
    (tmp_path / "in/one").symlink_to("two")
    (tmp_path / "in/two").symlink_to("one")
    assert below(tmp_path / "in") == ["a.mp3", "deep/b.mp3", "one unreadable", "two unreadable"]


def test_links_from_everywhere_to_everywhere_take_no_longer_than_the_folders(tmp_path: Path) -> None:
    """Followed blindly, so many links make more paths than there are atoms."""
    for number in range(40):
        fill(tmp_path, f"in/{number}/a.mp3")
        for other in range(40):
            (tmp_path / f"in/{number}/to{other}").symlink_to(f"../{other}")
    begun = time.monotonic()
    assert len(below(tmp_path / "in")) == 40
    assert time.monotonic() - begun < 5


def test_a_folder_that_is_closed_is_told_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def closed(path: str) -> Any:
        if path.endswith("/closed"):
            raise PermissionError(13, "Permission denied", path)
        return scandir(path)

    scandir = os.scandir
    monkeypatch.setattr(os, "scandir", closed)  # root, as tests may run, may look into every folder
    fill(tmp_path, "in/closed/a.mp3", "in/b.mp3")
    assert below(tmp_path / "in") == ["b.mp3", "closed forbidden"]


def test_a_glob_is_meant_from_a_folder_whose_name_looks_like_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(tmp_path, "x [live]/a.mp3", "x l/b.mp3")
    monkeypatch.chdir(tmp_path / "x [live]")
    assert [each.uri for each in list_objects("*.mp3") if isinstance(each, StoredObject)] == [
        str(tmp_path / "x [live]/a.mp3")
    ]


def test_a_folder_that_goes_meanwhile_leaves_no_failure(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "song.mp3").touch()
    (tmp_path / "b").mkdir()
    found = walk(str(tmp_path))
    assert next(found) == (str(tmp_path / "a" / "song.mp3"), None)
    (tmp_path / "b").rmdir()
    assert list(found) == []
    assert list(walk(str(tmp_path / "b"))) == []
