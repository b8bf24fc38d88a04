"""What an input announces: every file or row once, as a track or as a failure."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from tests.catalog import write_manifest
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Failure
from tonearm.transforms.elements.track import Track
from tonearm.transforms.sources import listing
from tonearm.transforms.sources.listing import (
    InputError,
    absolute_location,
    announced_at,
    arrivals_at,
    count_arrivals,
    require_usable,
    track_id_of,
    tracks_of,
)
from tonearm.transforms.sources.manifests.contract import ManifestError
from tonearm.transforms.storage.contract import StoredObject


@pytest.fixture
def music(tmp_path: Path) -> Path:
    """A folder with folders, a hidden file, a cover and names that bite."""
    folder = tmp_path / "music [live]"
    for name in ("b.mp3", "a.flac", "deep/er/c.ogg", ".hidden.mp3", "cover.jpg", "new\nline ü.mp3"):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    (folder / "folder.mp3").mkdir()
    (folder / "dangling.mp3").symlink_to("nowhere.mp3")
    return folder


def names(location: str | Path) -> list[str]:
    """Names announced, failures marked with their word."""
    found = []
    for element in arrivals_at(str(location)):
        if isinstance(element, Failure):
            found.append(f"{Path(element.track.uri).name} {element.error}")
        else:
            found.append(Path(element.uri).name)
    return found


def tracks(location: str | Path) -> list[Track]:
    return [element for element in arrivals_at(str(location)) if isinstance(element, Track)]


def test_a_folder_announces_every_file_below_it_in_a_stable_order(music: Path) -> None:
    expected = [
        ".hidden.mp3",
        "a.flac",
        "b.mp3",
        "cover.jpg",
        "dangling.mp3 not_found",
        "c.ogg",
        "new\nline ü.mp3",
    ]
    assert names(music) == expected
    assert count_arrivals(str(music)) == len(expected)


def test_a_glob_announces_what_it_matches(music: Path) -> None:
    base = str(music).replace("[", "[[]")
    assert names(f"{base}/*.flac") == ["a.flac"]
    assert names(f"{base}/**/*.o*") == ["c.ogg"]


def test_one_file_announces_itself_even_if_its_name_looks_like_a_glob(tmp_path: Path) -> None:
    path = tmp_path / "mix [1].mp3"
    path.write_bytes(b"x")
    assert names(path) == ["mix [1].mp3"]


def test_relative_and_absolute_inputs_give_the_same_ids(music: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    absolute = [track.track_id for track in tracks(music)]
    monkeypatch.chdir(music.parent)
    assert [track.track_id for track in tracks(music.name)] == absolute
    assert len(set(absolute)) == len(absolute)


def test_an_id_is_the_same_for_ever() -> None:
    assert track_id_of("/music/a.flac") == "c9fad484f1dd3d6b0147"


def test_the_generation_changes_with_the_content_and_not_with_reading(music: Path) -> None:
    path = music / "a.flac"
    before = tracks(path)[0].generation
    path.read_bytes()
    assert tracks(path)[0].generation == before
    os.utime(path, ns=(1, 1))
    assert tracks(path)[0].generation != before


def test_rows_name_files_relative_to_the_manifest(music: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rows = [{"track_id": "1", "uri": "a.flac"}, {"track_id": "2", "uri": str(music / "b.mp3")}]
    manifest = write_manifest(music / "catalog.csv", rows)
    monkeypatch.chdir("/")
    assert [track.uri for track in tracks(manifest)] == [str(music / "a.flac"), str(music / "b.mp3")]
    assert all(track.named for track in tracks(manifest))


def test_further_columns_become_metadata(music: Path) -> None:
    manifest = music / "catalog.jsonl"
    manifest.write_text(
        '{"track_id": 7, "uri": "a.flac", "title": "Ü", "year": 1722, "label": null, "who": ["x"]}'
    )
    (track,) = tracks(manifest)
    assert track.track_id == "7"
    assert track.metadata == {"title": "Ü", "year": "1722", "who": '["x"]'}


def test_rows_that_name_nothing_usable_are_failures(music: Path) -> None:
    rows = [
        {"track_id": "", "uri": "a.flac"},
        {"track_id": "2", "uri": " "},
        {"track_id": "3", "uri": "missing.mp3"},
        {"track_id": "4", "uri": "folder.mp3"},
        {"track_id": "5", "uri": "ftp://host/a.mp3"},
    ]
    announced = list(arrivals_at(str(write_manifest(music / "catalog.csv", rows))))
    words = [element.error for element in announced if isinstance(element, Failure)]
    assert announced[1].message == f"row 2 of {music}/catalog.csv: it has no uri"  # type: ignore[union-attr]
    assert words == [
        ErrorWord.INVALID_ROW,
        ErrorWord.INVALID_ROW,
        ErrorWord.NOT_FOUND,
        ErrorWord.UNREADABLE,
        ErrorWord.UNREADABLE,
    ]


def test_rows_are_looked_up_side_by_side_and_come_in_their_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = threading.Barrier(8)

    def look_up(uri: str) -> StoredObject:
        asked.wait(30)  # until eight are asked for at once
        return StoredObject(uri, "1", 1)

    monkeypatch.setattr(listing, "look_up", look_up)
    rows = [{"track_id": str(number), "uri": f"gs://b/{number}.mp3"} for number in range(64)]
    manifest = write_manifest(tmp_path / "catalog.csv", rows)
    assert [track.track_id for track in tracks(manifest)] == [row["track_id"] for row in rows]
    assert not any(track.generation for track in announced_at(str(manifest)) if isinstance(track, Track))


@pytest.mark.parametrize(
    "name", ["music*", "[music]", "{a}", "what?", "a#b", "100%", "cafe\u0301", "two\nlines"]
)
@pytest.mark.parametrize("ending", ["", "/", "//", "/../{}/."])
def test_an_input_that_exists_as_written_is_taken_as_written(tmp_path: Path, name: str, ending: str) -> None:
    for folder in (name, "music1", "m", "what1", "a", "100"):
        (tmp_path / folder).mkdir()
        (tmp_path / folder / "a.mp3").write_text(folder)
    location = f"{tmp_path}/{name}{ending.format(name)}"
    tracks_of(location)
    assert [track.uri for track in tracks(location)] == [f"{tmp_path}/{name}/a.mp3"]


def test_a_name_that_is_no_utf_8_is_taken_as_it_is(tmp_path: Path) -> None:
    path = os.fsdecode(os.fsencode(tmp_path) + b"/caf\xe9.mp3")
    Path(path).write_text("x")
    assert [track.uri for track in tracks(path)] == [track.uri for track in tracks(tmp_path)] == [path]
    assert [track.uri for track in tracks(f"file://{tmp_path}/caf%E9.mp3")] == [path]


@pytest.mark.parametrize(
    ("location", "complaint"),
    [
        ("{}/nothing", "no such file or folder"),
        ("{}/nothing/*.mp3", "no such folder as .*/nothing/"),
        ("{}/*.mp3", "as a glob it matches nothing"),
        ("ftp://host/music", "no storage for ftp://"),
        ("file://nas/music", "another machine"),
    ],
)
def test_an_input_that_names_nothing_says_so(tmp_path: Path, location: str, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        tracks_of(location.format(tmp_path))


def test_an_empty_folder_names_itself_and_a_glob_may_match_later(tmp_path: Path) -> None:
    tracks_of(str(tmp_path))
    require_usable(f"{tmp_path}/*.mp3")
    assert tracks(tmp_path) == []


def test_a_list_in_a_format_that_is_not_read_is_refused(tmp_path: Path) -> None:
    (tmp_path / "catalog.xlsx").write_bytes(b"PK")
    with pytest.raises(ManifestError, match="xlsx is not read"):
        require_usable(str(tmp_path / "catalog.xlsx"))


def test_an_input_means_the_same_where_the_working_folder_is_another(
    music: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As on a cluster, where it used to be no track at all."""
    inputs = (".", "a.flac", "*.mp3", "deep/**", "../*/deep/**/*.ogg", str(music), "gs://b/*.mp3")
    monkeypatch.chdir(music)
    here = [names(each) for each in inputs[:-1]]
    absolute = [absolute_location(each) for each in inputs]
    monkeypatch.chdir("/")
    assert absolute[-1] == inputs[-1]
    assert [names(each) for each in absolute[:-1]] == here
    assert all(here)
