"""`tonearm dataset withdraw`: what holds a track is found, and holds it no longer."""

from __future__ import annotations

import gzip
import json
import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.catalog import files_below, tonearm
from tests.labelled_songs import built_tracks, files_of, labelled_songs, song_row, write_songs
from tonearm.learning.withdrawal.manifest import withdraw_consent

SPLITS = ("train",) * 6 + ("validation", "validation", "test", "test")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A manifest, and the data set that was built of it; to be read, not changed."""
    folder = write_songs(tmp_path_factory.mktemp("built"), len(SPLITS))
    manifest = labelled_songs(folder, *(song_row(number, split=split) for number, split in enumerate(SPLITS)))
    assert tonearm("dataset", "build", manifest, "--output", folder / "sets" / "ours") == 0
    return folder


@pytest.fixture
def folder(built: Path, tmp_path: Path) -> Path:
    """A copy of one's own."""
    for path in (path for path in built.rglob("*") if path.is_file()):
        copy = tmp_path / path.relative_to(built)
        copy.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".flac":
            os.link(path, copy)
        else:
            copy.write_bytes(path.read_bytes())
    return tmp_path


def write_bundle_of(folder: Path, dataset: str) -> None:
    """What of a bundle counts here."""
    folder.mkdir(parents=True)
    told = {"name": folder.name, "version": "1", "provenance": {"dataset": {"digest": dataset}}}
    (folder / "bundle.json").write_text(json.dumps(told))


def withdraw(folder: Path, *arguments: str | Path) -> int:
    return tonearm(
        "dataset", "withdraw", *arguments, "--manifest", folder / "labelled.csv", "--within", folder
    )


def digest_of(dataset: Path) -> str:
    return str(json.loads((dataset / "dataset.json").read_text())["digest"])


def test_a_data_set_is_what_a_build_without_the_track_makes(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    ours = folder / "sets" / "ours"
    before, rows, shards = digest_of(ours), (folder / "labelled.csv").read_text(), files_of(ours)
    os.utime(folder / "3.flac")  # whoever opened the audio would find another generation
    assert withdraw(folder, "t3") == 0
    printed = capsys.readouterr().out
    assert f"data set {before[:12]} is now {digest_of(ours)[:12]}, without them" in printed
    assert built_tracks(ours).keys() == {f"t{number}" for number in range(10)} - {"t3"}
    written = [name for name in files_of(ours) if name not in shards]
    assert len(written) == 1
    t3 = next(line for line in rows.splitlines() if line.startswith("t3,"))
    assert (folder / "labelled.csv").read_text() == rows.replace(t3, t3.replace(",true,", ",false,"))

    assert tonearm("dataset", "build", folder / "labelled.csv", "--output", folder / "sets" / "anew") == 0
    assert digest_of(folder / "sets" / "anew") == digest_of(ours)


def test_bundles_that_learned_from_it_are_named(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    first = digest_of(folder / "sets" / "ours")
    write_bundle_of(folder / "taggers" / "ours", first)
    write_bundle_of(folder / "taggers" / "other", "f" * 64)
    (folder / "taggers" / "new.training").mkdir()
    (folder / "taggers" / "new.training" / "checkpoint-7-0123456789abcdef.pt").touch()
    for track in (
        "t3",
        "t4",
        "t3",
    ):  # the second one's data set has another name by then; the last is a rerun
        assert withdraw(folder, track, "--json") == 1
        printed = json.loads(capsys.readouterr().out)
        assert [bundle["name"] for bundle in printed["bundles"]] == ["ours@1"]
        assert [bundle["name"] for bundle in printed["cannot_tell"]["bundles"]] == ["other@1"]
        assert printed["cannot_tell"]["trainings"] == [str(folder / "taggers" / "new.training")]
    write_bundle_of(folder / "taggers" / "later", digest_of(folder / "sets" / "ours"))
    assert withdraw(folder, "t3", "--json") == 1
    assert "later" not in [bundle["name"] for bundle in json.loads(capsys.readouterr().out)["bundles"]]


def test_a_dry_run_changes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = {name: (folder / name).read_bytes() for name in files_below(folder) if (folder / name).is_file()}
    assert withdraw(folder, "t3", "--dry_run") == 0
    assert "would become false of t3" in capsys.readouterr().out
    assert before == {name: (folder / name).read_bytes() for name in before}
    assert len(before) == sum((folder / name).is_file() for name in files_below(folder))


def test_what_an_unfinished_build_wrote_is_deleted(folder: Path) -> None:
    ours = folder / "sets" / "ours"
    (ours / "dataset.json").unlink()
    (ours / "_building" / "tallies").mkdir(parents=True)
    (ours / "_building" / "tallies" / "0123").write_text("{}")
    holding = [path for path in ours.rglob("shard-*") if b"t3" in path.read_bytes()]
    assert withdraw(folder, "t3") == 0
    assert not any(path.exists() for path in holding)
    assert not list(ours.glob("_building/tallies/*"))
    assert tonearm("dataset", "build", folder / "labelled.csv", "--output", ours) == 0
    assert "t3" not in built_tracks(ours)


def test_a_wrong_call_changes_nothing(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = (folder / "labelled.csv").read_bytes()
    assert withdraw(folder, "t99") == 2
    assert "t99: no row of" in capsys.readouterr().err
    call = ("dataset", "withdraw", "t3", "--manifest", folder / "labelled.csv")
    assert tonearm(*call, "--within", folder / "gone") == 2
    assert "there is no such folder" in capsys.readouterr().err
    assert tonearm(*call) == 2
    assert (folder / "labelled.csv").read_bytes() == before


CSV = (
    'Track_ID;Uri;labels;Training_Opt_In\r\n"a";1.flac;"rock;\njazz";true\r\n'
    'b;2.flac;"half;true\r\n\r\nc;3.flac;pop;TRUE'
)
JSON_LINES = (
    '{"track_id": "a", "uri": "1", "training_opt_in": true}\n no json \n'
    '{"track_id":"b","uri":"2","training_opt_in":true}\n'
)


def test_all_else_in_a_manifest_stays(tmp_path: Path) -> None:
    for name, content, expected in (
        ("a.csv", CSV, CSV.replace('"a";1.flac;"rock;\njazz";true', 'a;1.flac;"rock;\njazz";false')),
        ("b.csv", "\ufeff" + CSV, "\ufeff" + CSV.replace("TRUE", "false")),
        (
            "a.jsonl",
            JSON_LINES,
            JSON_LINES.replace('"1", "training_opt_in": true', '"1", "training_opt_in": false'),
        ),
        (
            "a.json",
            '[{"track_id":"a","training_opt_in":true}]',
            '[\n {\n  "track_id": "a",\n  "training_opt_in": false\n }\n]',
        ),
        ("none.csv", "track_id,uri,labels\na,1.flac,rock\n", "track_id,uri,labels\na,1.flac,rock\n"),
    ):
        path = tmp_path / name
        path.write_bytes(content.encode())
        withdraw_consent(str(path), ["c" if name == "b.csv" else "a"])
        assert path.read_bytes().decode() == expected, name
    packed = tmp_path / "a.csv.gz"
    packed.write_bytes(gzip.compress(b"track_id,uri,training_opt_in\na,1,true\n"))
    withdraw_consent(str(packed), ["a"])
    assert gzip.decompress(packed.read_bytes()) == b"track_id,uri,training_opt_in\na,1,false\n"


def test_a_manifest_of_parquet(tmp_path: Path) -> None:
    table = pa.table(
        {"track_id": [1, 2], "uri": ["1", "2"], "training_opt_in": [True, None], "year": [1.5, 2.5]}
    )
    pq.write_table(table, tmp_path / "a.parquet")
    withdraw_consent(str(tmp_path / "a.parquet"), ["1"])
    withdrawn = pq.read_table(tmp_path / "a.parquet")
    assert withdrawn.schema == table.schema
    assert withdrawn.column("training_opt_in").to_pylist() == [False, None]
    assert withdrawn.drop_columns("training_opt_in").equals(table.drop_columns("training_opt_in"))
