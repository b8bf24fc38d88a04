"""What is written to no store goes where the call says, also by a URL of this machine, or is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.catalog import tonearm
from tonearm.learning.local_places import local_place

CALLS = {
    "--changed": ("compare", "tables", "a@1", "b@1"),
    "--html": ("drift", "tables"),
    "--output": ("evaluate", "musicnn", "labelled.csv"),
    "the bundle's --output": ("calibrate", "musicnn", "labelled.csv", "--version", "2"),
    "the new bundle's --output": ("train", "dataset", "--facet", "genre"),
}


def test_a_url_of_this_machine_is_a_path(tmp_path: Path) -> None:
    assert local_place(f"file://{tmp_path}/a%20b", "--changed") == tmp_path / "a b"
    assert local_place("new/bundle", "--output") == Path("new/bundle")


@pytest.mark.parametrize("option", CALLS)
@pytest.mark.parametrize(
    ("place", "told"),
    [
        ("gs://bucket/place", "this is written to a disk of this machine"),
        ("file://elsewhere/place", "another machine"),
        ("file/place", "cannot be made"),
    ],
)
def test_what_cannot_be_written_is_refused_before_any_work(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    option: str,
    place: str,
    told: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").touch()
    assert tonearm(*CALLS[option], option.rsplit(maxsplit=1)[-1], place) == 2
    said = capsys.readouterr().err
    assert told in said and place in said
    assert [each.name for each in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize(
    "options", [("--version", "1/2"), ("--version", ""), ("--name", "@"), ("--name", ".ours")]
)
def test_a_bundle_that_no_root_could_take_is_refused_before_it_is_trained(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], options: tuple[str, ...]
) -> None:
    call = ("train", tmp_path / "dataset", "--facet", "genre", "--output", tmp_path / "ours")
    assert tonearm(*call, *options) == 2
    assert "cannot be the name of a bundle" in capsys.readouterr().err
