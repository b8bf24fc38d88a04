"""`tonearm label_next`: what is asked for, what never is, and how its manifest passes `dataset check`."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from tests.catalog import tonearm
from tests.learning.next_labels.made_up_catalog import tagged, write_tables
from tests.transforms.storage.stores import Store
from tonearm.learning.next_labels import sheet
from tonearm.transforms.storage.objects import files_below, read_object
from tonearm.transforms.tables.schemas import Row

UNSURE = {"rock": 0.39, "jazz": 0.1, "piano": 0.41, "drums": 0.05}
SURE = {"rock": 0.98, "jazz": 0.01, "piano": 0.99, "drums": 0.01}

AT_THRESHOLDS = tagged("at thresholds", dict.fromkeys(SURE, 0.4))
"""A track by which the thresholds are known."""

Rows = list[tuple[Row, list[float]]]


def rows_of(*tracks: Row, style: int = 0) -> Rows:
    """Tracks that sound alike: the embeddings of a style point to one side."""
    numbers = np.random.default_rng(style)
    side = np.eye(8)[style]
    return [(track, (side + numbers.normal(0, 0.1, 8)).tolist()) for track in tracks]


def many(style: int, tracks: int, scores: dict[str, float] = UNSURE) -> Rows:
    return rows_of(*(tagged(f"{style}-{number}", scores) for number in range(tracks)), style=style)


def asked(tables: Path, count: int, folder: Path, *options: str | Path) -> list[dict[str, str]]:
    """The rows of the manifest that a call writes."""
    there = set(folder.glob("*.csv"))
    assert tonearm("label_next", tables, str(count), "--output", folder, *options) == 0
    (written,) = set(folder.glob("*.csv")) - there
    return list(csv.DictReader(written.open()))


def labelled(folder: Path) -> Path:
    """A manifest that the track at the thresholds is labelled in."""
    manifest = folder / "labelled.csv"
    manifest.write_text("track_id,uri,labels\nat thresholds,/music/at.mp3,rock\n")
    return manifest


def ids(rows: list[dict[str, str]]) -> list[str]:
    return [row["track_id"] for row in rows]


def test_each_style_is_asked_for_before_any_is_twice(tmp_path: Path) -> None:
    tables = write_tables(tmp_path / "tags", [row for style in range(4) for row in many(style, 30)])
    rows = asked(tables, 4, tmp_path / "labels")
    assert sorted(track[0] for track in ids(rows)) == ["0", "1", "2", "3"]


def test_no_track_is_asked_for_twice_and_no_style_that_is_labelled(tmp_path: Path) -> None:
    tables = write_tables(tmp_path / "tags", [row for style in range(4) for row in many(style, 10)])
    elsewhere = tmp_path / "elsewhere.csv"
    elsewhere.write_text(
        "track_id,uri,labels\nother id,/music/0-0.mp3,rock\n1-0,/elsewhere/1-0.mp3,rock\n2-0,/a.mp3,rock\n"
    )
    folder = tmp_path / "labels"
    first = ids(asked(tables, 1, folder, "--labelled", elsewhere))
    assert first[0].startswith("3-")
    rounds = [ids(asked(tables, 12, folder, "--labelled", elsewhere)) for _ in range(3)]
    told = first + [track for each in rounds for track in each]
    assert len(told) == len(set(told)) == 37
    assert not {"0-0", "1-0", "2-0"} & set(told)
    assert sorted(path.name for path in folder.iterdir()) == [f"labels-{n:03}.csv" for n in (1, 2, 3, 4)]


def test_when_all_were_asked_for_it_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tables = write_tables(tmp_path / "tags", many(0, 3))
    assert len(asked(tables, 10, tmp_path / "labels")) == 3
    assert "3 tracks of the 10" in capsys.readouterr().out
    assert tonearm("label_next", tables, "10", "--output", tmp_path / "labels") == 2
    assert "no track of ours@1 left to ask for" in capsys.readouterr().err


def test_tracks_without_embeddings_are_told_from_those_that_were_asked_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A store may let old partitions of one table go."""
    tables = write_tables(tmp_path / "tags", many(0, 2))
    (file,) = (tables / "embeddings").rglob("*.parquet")
    rows_of_embeddings = pq.read_table(file)
    pq.write_table(rows_of_embeddings.slice(0, 1), file)
    assert len(asked(tables, 2, tmp_path / "labels")) == 1
    assert (
        "1 tracks of the 2 that were asked for: others lack their row in embeddings"
        in capsys.readouterr().out
    )
    assert tonearm("label_next", tables, "2", "--output", tmp_path / "labels") == 2
    assert "the table embeddings lacks all that were not asked for" in capsys.readouterr().err


def test_the_same_audio_is_asked_for_once(tmp_path: Path) -> None:
    copies = [tagged(f"copy {n}", UNSURE, sha="the same") for n in range(3)]
    tables = write_tables(tmp_path / "tags", [*rows_of(*copies), *many(1, 2)])
    first = ids(asked(tables, 4, tmp_path / "labels"))
    assert len(first) == 3
    assert tonearm("label_next", tables, "4", "--output", tmp_path / "labels") == 2


def test_a_file_of_many_spectrograms_and_a_hash_that_is_withheld_name_no_track(tmp_path: Path) -> None:
    """`track_tags` has the spectrograms' file where a record withholds its place."""
    for sha in (None, ""):
        tracks = [tagged(f"track {n}", UNSURE, sha=sha, uri="/handed over/part-1.parquet") for n in range(4)]
        folder = tmp_path / f"labels {sha}"
        tables = write_tables(tmp_path / f"tags {sha}", rows_of(*tracks))
        rounds = [ids(asked(tables, count, folder)) for count in (1, 2, 1)]
        assert sorted(track for each in rounds for track in each) == [f"track {n}" for n in range(4)]


def test_audio_that_has_two_ids_is_known_by_its_place_too(tmp_path: Path) -> None:
    copies = [tagged(f"id {n}", UNSURE, sha="the same", uri="/music/twice.mp3") for n in range(2)]
    tables = write_tables(tmp_path / "tags", [*rows_of(*copies), *many(1, 1)])
    elsewhere = tmp_path / "elsewhere.csv"
    elsewhere.write_text("track_id,uri,labels\na third id,/music/twice.mp3,rock\n")
    assert ids(asked(tables, 3, tmp_path / "labels", "--labelled", elsewhere)) == ["1-0"]


def test_unsure_tracks_are_asked_for_and_the_latest_row_counts(tmp_path: Path) -> None:
    rows = [*many(0, 300, SURE), *many(1, 3)]
    again = rows_of(*(tagged(f"1-{n}", SURE, hours=5) for n in range(2)), style=1)
    tables = write_tables(tmp_path / "tags", [*rows, *again, *rows_of(AT_THRESHOLDS)])
    (row,) = asked(tables, 1, tmp_path / "labels", "--labelled", labelled(tmp_path))
    assert row["track_id"] == "1-2"
    assert (row["tagger"], row["tagger_says"]) == ("ours@1", "piano")
    assert row["tagger_is_unsure_of"].startswith("piano 0.41 of 0.40; rock 0.39 of 0.40")


def test_by_tag_and_facet(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    of_jazz = {**SURE, "jazz": 0.39}
    of_drums = {**SURE, "drums": 0.39}
    rows = [*many(0, 200, SURE), *many(1, 1, of_jazz), *many(2, 1, of_drums)]
    tables = write_tables(tmp_path / "tags", [*rows, *rows_of(AT_THRESHOLDS)])
    done = labelled(tmp_path)
    for tag, expected in (("jazz", "1-0"), ("drums", "2-0")):
        (row,) = asked(tables, 1, tmp_path / tag, "--labelled", done, "--tag", tag)
        assert row["track_id"] == expected
        assert row["tagger_is_unsure_of"].startswith(f"{tag} 0.39 of 0.40")
    (row,) = asked(tables, 1, tmp_path / "facet", "--labelled", done, "--facet", "genre")
    assert row["track_id"] == "1-0"
    assert tonearm("label_next", tables, "1", "--output", tmp_path / "x", "--tag", "jaz") == 2
    assert "no tag jaz; did you mean jazz?" in capsys.readouterr().err


def test_a_group_gets_few_tracks_unless_there_is_no_other(tmp_path: Path) -> None:
    ada = [tagged(f"ada {n}", UNSURE, metadata={"Artist": "Ada"}) for n in range(30)]
    others = [tagged(f"other {n}", UNSURE, metadata={"Artist": f"{n}"}) for n in range(9)]
    tables = write_tables(tmp_path / "tags", [*rows_of(*ada), *rows_of(*others, style=1)])
    rows = asked(tables, 10, tmp_path / "few")
    assert [row["group"] for row in rows].count("Ada") == 1
    assert [row["group"] for row in asked(tables, 20, tmp_path / "many")].count("Ada") == 11


def test_the_last_tagger_counts_or_the_one_that_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    old = rows_of(*(tagged(f"0-{n}", UNSURE) for n in range(3)))
    new = rows_of(*(tagged(f"0-{n}", SURE, tagger="ours@2", hours=1) for n in range(3)))
    tables = write_tables(tmp_path / "tags", [*old, *new])
    assert {row["tagger"] for row in asked(tables, 2, tmp_path / "a")} == {"ours@2"}
    assert "ours@2" in capsys.readouterr().out
    assert {row["tagger"] for row in asked(tables, 2, tmp_path / "b", "--tagger", "ours@1")} == {"ours@1"}
    assert tonearm("label_next", tables, "2", "--output", tmp_path / "c", "--tagger", "ours@3") == 2
    assert "it has ours@2, ours@1" in capsys.readouterr().err


def test_the_same_call_asks_for_the_same(tmp_path: Path) -> None:
    tables = write_tables(tmp_path / "tags", [row for style in range(8) for row in many(style, 20)])
    first, again = (asked(tables, 3, tmp_path / name) for name in ("a", "b"))
    assert first == again


def test_a_manifest_is_filled_in_and_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [f"song {number}" for number in range(3)]
    told = {"title": "Ü", "labels": "rock", "Training_Opt_In": "true", "training_opt_in (2)": "true"}
    rows = [tagged(name, UNSURE, metadata={**told, "Artist": f"A{n}"}) for n, name in enumerate(names)]
    tables = write_tables(tmp_path / "tags", rows_of(*rows))
    written = asked(tables, 3, tmp_path / "labels")
    assert {(row["labels"], row["training_opt_in"], row["split"]) for row in written} == {("", "", "")}
    assert [row["title"] for row in written] == ["Ü"] * 3

    manifest = tmp_path / "labels" / "labels-001.csv"
    few = ("--min_positives", "1", "--min_groups", "1", "--without_audio")
    check = ("dataset", "check", manifest, "--json", *few)
    capsys.readouterr()
    assert tonearm(*check) == 1
    found = json.loads(capsys.readouterr().out)
    assert found["counts"] == {"blank_labels": 1, "blank_consent": 1}
    assert [len(finding["rows"]) for finding in found["findings"]] == [3, 3]

    for row, labels in zip(written, ("rock; *=-", "rock", "rock=-"), strict=True):
        row["labels"], row["training_opt_in"] = labels, "true"
    with manifest.open("w", newline="") as file:
        filled = csv.DictWriter(file, list(written[0]))
        filled.writeheader()
        filled.writerows(written)
    assert tonearm(*check) == 0
    assert tonearm("label_next", tables, "3", "--output", tmp_path / "labels") == 2


@pytest.mark.slow
def test_in_every_store(store: Store, capsys: pytest.CaptureFixture[str]) -> None:
    """Tables, manifests to fill in and labelled ones may all lie there; of two at once one is refused."""
    tables, folder = store.at("tags"), store.at("labels")
    write_tables(tables, many(0, 8))
    assert tonearm("label_next", tables, "3", "--output", folder) == 0
    assert tonearm("label_next", tables, "3", "--output", store.at("b"), "--labelled", f"{folder}/*.csv") == 0
    first, second = (files_below(store.at(name)) for name in ("labels", "b"))
    assert first == [f"{folder}/labels-001.csv"]
    told = [read_object(location) for location in (*first, *second)]
    tracks = [line.split(b",")[0] for each in told if each for line in each.content.splitlines()[1:]]
    assert len(set(tracks)) == len(tracks) == 6
    with pytest.raises(sheet.AskedAtOnceError, match="was written meanwhile"):
        sheet.write_sheet(folder, [], [], "ours@1")
    assert tonearm("dataset", "check", first[0], "--without_audio") == 1
    assert "labels are blank" in capsys.readouterr().out
