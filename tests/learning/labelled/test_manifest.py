"""Labelled manifests, written and read in each form; rows that cannot be used."""

from __future__ import annotations

from pathlib import Path

import pytest

from tonearm.errors import WrongCallError
from tonearm.learning.labelled.consent import consent_of
from tonearm.learning.labelled.labels import Labels
from tonearm.learning.labelled.reading import read_labelled
from tonearm.learning.labelled.track import BadRow, LabelledTrack, Split
from tonearm.learning.labelled.writing import write_labelled
from tonearm.transforms.sources.manifests.contract import ManifestError

TRACKS = [
    LabelledTrack("a", "/music/a.flac", Labels.read("rock; *=-"), "artist 1", True, Split.TRAIN, "CC-BY-4.0"),
    LabelledTrack("b", "gs://music/b ?.flac", Labels.of({"x; y": -1, "z=-": 1, "ü": 0})),
    LabelledTrack(
        "c", "/music/caf\udce9.flac", Labels.read("jazz"), metadata={"Year": "1959", "mood": "blue"}
    ),
]


def read(path: Path) -> list[LabelledTrack | BadRow]:
    return list(read_labelled(str(path)))


def problems(path: Path) -> dict[int, str]:
    return {row.number: row.problem for row in read(path) if isinstance(row, BadRow)}


@pytest.mark.parametrize("ending", [".csv", ".jsonl", ".parquet"])
def test_what_is_written_is_read(ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"labelled{ending}"
    write_labelled(TRACKS, str(path))
    found = [row for row in read(path) if isinstance(row, LabelledTrack)]
    values = [(t.track_id, t.uri, t.labels, t.group, t.training_opt_in, t.split, t.licence) for t in found]
    assert values == [
        (t.track_id, t.uri, t.labels, t.group, t.training_opt_in, t.split, t.licence) for t in TRACKS
    ]
    assert [track.metadata for track in found] == [{}, {}, {"Year": "1959", "mood": "blue"}]
    assert [(track.number, track.location) for track in found] == [(n, str(path)) for n in (1, 2, 3)]


def test_a_manifest_that_people_wrote(tmp_path: Path) -> None:
    path = tmp_path / "labelled.csv"
    path.write_text(
        "Track_ID;URI;Labels;Artist;Training_Opt_In;Split;License;note\n"
        '1;a.flac;"rock; jazz=-";Ada;TRUE;valid;CC BY 4.0;x\n'
    )
    (track,) = read(path)
    assert isinstance(track, LabelledTrack)
    assert (track.uri, track.group, track.training_opt_in) == (str(tmp_path / "a.flac"), "Ada", True)
    assert (track.split, track.licence) == (Split.VALIDATION, "CC BY 4.0")
    assert track.labels.values == {"rock": 1, "jazz": -1}
    assert track.metadata == {"Artist": "Ada", "note": "x"}


def test_bad_rows_are_told_by_their_number_and_cost_themselves(tmp_path: Path) -> None:
    path = tmp_path / "labelled.csv"
    path.write_text(
        "track_id,uri,labels,training_opt_in,split\n"
        "1,a.flac,rock,true,train\n"
        ",a.flac,rock,true,\n"
        "3,,rock,true,\n"
        "4,a.flac,,true,\n"
        "5,a.flac,rock; rock=-,true,\n"
        "6,a.flac,rock,yes,\n"
        "7,a.flac,rock,true,holdout\n"
        "1,b.flac,rock,true,\n"
        '9,"a.flac,rock,true,\n'
        "10,a.flac,rock,,\n"
    )
    told = problems(path)
    expected = {
        2: "track_id is empty",
        3: "uri is empty",
        4: "labels are empty",
        5: "say two things of rock",
        6: "write true or false",
        7: "write train, validation or test",
        8: "has stood in row 1",
        9: "quotation mark",
    }
    assert told.keys() == expected.keys()
    assert all(text in told[row] for row, text in expected.items()), told
    assert [row.training_opt_in for row in read(path) if isinstance(row, LabelledTrack)] == [True, None]


def test_an_id_that_stands_in_two_files_is_told(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / f"{name}.csv").write_text("track_id,uri,labels\n1,a.flac,rock\n")
    assert "has stood in row 1" in problems(tmp_path / "*.csv")[1]


@pytest.mark.parametrize(
    ("name", "text", "reason"),
    [
        ("a.csv", "track_id,uri\n1,a.flac\n", "lacks the column labels"),
        ("a.csv", "uri,labels\na.flac,rock\n", "lacks the column track_id"),
        ("a.xlsx", "x", "is not read as a manifest"),
        ("a.flac", "x", "is no manifest"),
    ],
)
def test_what_is_no_labelled_manifest_is_refused(name: str, text: str, reason: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(ManifestError, match=reason):
        read(tmp_path / name)


def test_an_unknown_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WrongCallError, match=r"written as \.csv, \.jsonl, \.parquet"):
        write_labelled(TRACKS, str(tmp_path / "labelled.xml"))


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("a.csv", "track_id,uri,labels,training_opt_in,Training_Opt_In\n1,a.flac,rock,false,true\n"),
        ("a.csv", "track_id,uri,labels,training_opt_in,training_opt_in\n1,a.flac,rock,true,false\n"),
        ("a.csv", "track_id,uri,labels,split,Split,training_opt_in\n1,a.flac,rock,train,test,true\n"),
        (
            "a.jsonl",
            '{"track_id": 1, "uri": "a.flac", "labels": ["rock"], "training_opt_in": false, '
            '"training_opt_in": true}\n{"track_id": 2, "uri": "b.flac", "labels": ["rock"]}\n',
        ),
        (
            "a.json",
            '[{"track_id": 1, "uri": "a.flac", "labels": {"rock": 1, "rock": -1}, "training_opt_in": true}, '
            '{"track_id": 2, "uri": "b.flac", "labels": ["rock"]}]',
        ),
    ],
)
def test_a_row_that_says_two_things_in_one_column_is_not_used(name: str, text: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    row = read(tmp_path / name)[0]
    assert isinstance(row, BadRow)
    assert "two things" in row.problem or "two values" in row.problem


def test_a_row_that_stands_twice_with_consent_closes_its_file_to_none(tmp_path: Path) -> None:
    path = tmp_path / "labelled.csv"
    rows = "1,a.flac,rock,true\n2,b.flac,rock,true\n"
    path.write_text(f"track_id,uri,labels,training_opt_in\n{rows}{rows}2,a.flac,rock,false\n")
    consent = consent_of(read(path))
    assert [track.track_id for track in consent.given] == ["2"]
    assert [track.track_id for track in consent.contradicted] == ["1"]
