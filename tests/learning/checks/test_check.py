"""`tonearm dataset check`: what it finds, what it does not, and which files it opens."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.catalog import tonearm, write_manifest, write_song
from tests.learning.recordings.encoded_again import ENCODINGS, MUSIC, music
from tonearm.learning.checks.labels import near_duplicates
from tonearm.learning.labelled.labels import Labels
from tonearm.learning.labelled.track import LabelledTrack

COLUMNS = ("track_id", "uri", "labels", "artist", "training_opt_in", "split", "licence")
FEW = ("--min_positives", "1", "--min_groups", "1")


@pytest.fixture(scope="module")
def audio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four different songs, and one that is too short; to be read, not changed."""
    folder = tmp_path_factory.mktemp("audio")
    for number in range(4):
        write_song(folder / f"{number}.flac", from_hz=200.0 + 50 * number)
    write_song(folder / "short.flac", seconds=1.0)
    return folder


def row(number: int, **values: str) -> dict[str, str]:
    """A row that nothing is wrong with."""
    whole = {
        "track_id": f"t{number}",
        "uri": f"{number}.flac",
        "labels": "rock; *=-",
        "artist": f"a{number}",
    }
    return {**whole, "training_opt_in": "true", "split": "train", "licence": "CC BY 4.0", **values}


def manifest_of(folder: Path, *rows: Mapping[str, str]) -> Path:
    return write_manifest(folder / "labelled.csv", rows, COLUMNS)


def checked(
    manifest: Path, capsys: pytest.CaptureFixture[str], *options: str
) -> dict[str, list[tuple[list[int], str]]]:
    """Rows and message of each finding, by its word."""
    code = tonearm("dataset", "check", manifest, "--json", *FEW, *options)
    found: dict[str, list[tuple[list[int], str]]] = {}
    for finding in json.loads(capsys.readouterr().out)["findings"]:
        told = finding["message"] if finding["rows"] else ", ".join(finding["labels"])
        found.setdefault(finding["check"], []).append(([each["row"] for each in finding["rows"]], told))
    assert code == bool(found)
    return found


@pytest.fixture
def folder(audio: Path, tmp_path: Path) -> Path:
    """A folder of one's own with the songs."""
    for song in audio.iterdir():
        os.link(song, tmp_path / song.name)
    return tmp_path


def test_nothing_is_found_in_clean_data(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = manifest_of(
        folder,
        row(0, labels="rock; bass; brass=-; 80s"),
        row(1, labels="rock; 90s; brass; *=-", split="test"),
        row(2, labels="hip hop; rock=-", split="validation", artist="a2"),
        row(3, labels="bass; C#; C", split="", licence=""),
    )
    assert checked(manifest, capsys, "--purpose", "commercial") == {}
    assert tonearm("dataset", "check", manifest, *FEW) == 0
    assert capsys.readouterr().out == "4 rows, 4 with consent\n"


def test_what_rows_say_is_checked(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    manifest = manifest_of(
        folder,
        row(0, artist="Ada"),
        row(1, artist="Ada", split="test", licence="CC BY-NC 4.0"),
        row(2, training_opt_in="false", licence="see contract 7"),
        row(3, training_opt_in="", labels="rock; rock=-"),
    )
    found = checked(manifest, capsys, "--purpose", "commercial", "--without_audio")
    assert {word: [rows for rows, _ in each] for word, each in found.items()} == {
        "bad_row": [[4]],
        "no_consent": [[3]],
        "licence_forbids": [[2]],
        "licence_unknown": [[3]],
        "group_in_two_splits": [[1, 2]],
    }
    assert found["group_in_two_splits"][0][1] == "group 'Ada' is in test and train: keep it in one"
    research = checked(manifest, capsys, "--purpose", "research", "--without_audio")
    assert research.keys() == found.keys() - {"licence_forbids"}


def test_labels_with_too_few_tracks_or_groups(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        row(0, labels="rock; jazz"),
        row(1, labels="rock; jazz=-", artist="a0"),
        row(2, labels="rock; folk=0"),
    ]
    refused = row(3, labels="jazz", training_opt_in="false")
    options = ("--without_audio", "--min_positives", "2", "--min_groups", "2")
    found = checked(manifest_of(folder, *rows, refused), capsys, *options)
    assert [labels for _, labels in found["few_positives"]] == ["folk", "jazz"]
    assert [labels for _, labels in found["few_groups"]] == ["jazz"]


@pytest.mark.parametrize(
    "labels",
    [
        ["hip hop", "Hip-Hop", "hiphop"],
        ["r&b", "R and B", "rnb"],
        ["guitar", "Guitars"],
        ["café", "Cafe"],
        ["80s", "80's"],
    ],
)
def test_labels_that_are_spelt_in_two_ways(labels: list[str]) -> None:
    (finding,) = near_duplicates([LabelledTrack("a", "a", Labels.of(dict.fromkeys(labels, 1)))])
    assert finding.labels == sorted(labels)


def test_other_labels_are_not_taken_for_one() -> None:
    labels = [
        "bass",
        "brass",
        "80s",
        "90s",
        "C",
        "C#",
        "pop",
        "hip hop",
        "trip hop",
        "男声",
        "女声",
        "की",
        "का",
        "☆",
    ]
    assert list(near_duplicates([LabelledTrack("a", "a", Labels.of(dict.fromkeys(labels, -1)))])) == []


def test_audio_that_cannot_be_used(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "noise.flac").write_bytes(b"no audio at all" * 100)
    manifest = manifest_of(
        folder,
        row(0, uri="short.flac"),
        row(1, uri="noise.flac"),
        row(2, uri="gone.flac"),
        row(3, uri="gone too.flac", training_opt_in="false"),
    )
    found = checked(manifest, capsys)
    assert [rows for rows, _ in found["short_audio"]] == [[1]]
    assert [rows for rows, _ in found["unreadable_audio"]] == [[2], [3]]
    assert "1.00 s" in found["short_audio"][0][1]
    assert "short_audio" not in checked(manifest, capsys, "--min_seconds", "0.5")


def test_the_same_audio_with_other_labels(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copy(folder / "0.flac", folder / "copy.flac")
    shutil.copy(folder / "1.flac", folder / "other.flac")
    shutil.copy(folder / "2.flac", folder / "same.flac")
    manifest = manifest_of(
        folder,
        row(0),
        row(1, uri="copy.flac", labels="jazz", split="test"),
        row(2, uri="1.flac", labels="rock; *=-"),
        row(3, uri="other.flac", labels="folk=0; rock"),
        row(4, uri="2.flac", labels="piano"),
        row(5, uri="same.flac", labels="organ"),
    )
    found = checked(manifest, capsys)
    assert [rows for rows, _ in found["contradicting_labels"]] == [[1, 2], [5, 6]]
    assert [rows for rows, _ in found["audio_in_two_splits"]] == [[1, 2]]


def test_the_same_recording_encoded_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    signal, other = (music(name, seconds=8.0) for name in MUSIC[:2])
    for name in ("telephone", "vorbis_after_a_pause", "mp3_32"):
        ENCODINGS[name](tmp_path / name, signal)
    ENCODINGS["telephone"](tmp_path / "other", other)
    manifest = manifest_of(
        tmp_path,
        row(0, uri="telephone"),
        row(1, uri="vorbis_after_a_pause", labels="jazz", split="test"),
        row(2, uri="other"),
        row(3, uri="mp3_32", labels="*=-"),
    )
    found = checked(manifest, capsys)
    assert found.keys() == {"audio_in_two_splits", "contradicting_labels"}
    told = "the same recording, encoded again, is in test and train: keep it in one"
    assert found["audio_in_two_splits"] == [([1, 2, 4], told)]
    assert [rows for rows, _ in found["contradicting_labels"]] == [[1, 2, 4]]


def test_audio_of_several_rows_that_a_split_may_part(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    manifest = manifest_of(
        folder,
        row(0, split=""),
        row(1, uri="0.flac", split=""),
        row(2, split="", artist="both"),
        row(3, uri="2.flac", split="", artist="both"),
        row(4, uri="1.flac"),
        row(5, uri="1.flac"),
    )
    found = checked(manifest, capsys)
    assert [rows for rows, _ in found["duplicate_audio"]] == [[1, 2]]
    assert found.keys() == {"duplicate_audio"}


OPENED = """
import sys
opened = []
sys.addaudithook(lambda event, given: opened.append(str(given[0])) if event == "open" else None)
from tonearm.pipelines.main import run
run(sys.argv[1:])
print(*sorted({path for path in opened if path.endswith(".flac")}), file=sys.stderr)
"""


def test_no_file_is_opened_that_any_row_has_no_consent_for(folder: Path) -> None:
    (folder / "link.flac").symlink_to(folder / "1.flac")
    (folder / "hard.flac").hardlink_to(folder / "2.flac")
    manifest = manifest_of(
        folder,
        row(0),
        row(1, training_opt_in="false"),
        row(2, training_opt_in=""),
        row(3, training_opt_in="yes"),
        row(4, uri="link.flac"),
        row(5, uri="hard.flac"),
        row(6, uri=str(folder / "3.flac")),
    )
    command = [sys.executable, "-c", OPENED, "dataset", "check", str(manifest), "--json"]
    ended = subprocess.run(command, capture_output=True, text=True, check=True)
    assert ended.stderr.splitlines()[-1] == str(folder / "0.flac")
    findings = json.loads(ended.stdout)["findings"]
    refused = [each["rows"][0]["row"] for each in findings if each["check"] == "consent_contradicted"]
    assert refused == [5, 6, 7]


def test_what_people_see(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [row(number, training_opt_in="false") for number in range(30)]
    assert tonearm("dataset", "check", manifest_of(folder, *rows)) == 1
    printed = capsys.readouterr()
    assert printed.out.count("no_consent: ") == 20
    assert "30, of which 20 are printed" in printed.out
    assert "30 rows, 0 with consent" in printed.out
    assert "labelled.csv: findings: 30" in printed.err


def test_a_wrong_call_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tonearm("dataset", "check", tmp_path / "gone.csv") == 2
    assert "no such manifest" in capsys.readouterr().err
    for options, told in {
        ("--purpose", "fun"): "choose from 'research', 'commercial'",
        ("--min_positive", "3"): "did you mean --min_positives?",
        ("more.csv",): "more.csv is a word too many; see `tonearm dataset check --help`",
    }.items():
        assert tonearm("dataset", "check", tmp_path / "gone.csv", *options) == 2
        assert told in capsys.readouterr().err
