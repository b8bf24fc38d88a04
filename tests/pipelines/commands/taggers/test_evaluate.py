"""`tonearm evaluate`: on manifests and data sets, with and without a baseline, and what it refuses."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from tests.catalog import query, tonearm, write_manifest
from tests.learning.datasets.small_dataset import SMALL_FRONT_END, noise_track, write_small_dataset
from tests.learning.evaluation.recomputing import Recomputed
from tests.toy_architecture import ToyArchitecture, write_bundle
from tonearm.learning.labelled.track import Split
from tonearm.models.architectures import ARCHITECTURES
from tonearm.models.front_end import FrontEnd

OTHER_FRONT_END = FrontEnd(patch_frames=90, patch_hop_frames=90)


@pytest.fixture(scope="module", autouse=True)
def toy() -> Iterator[None]:
    """The toy architecture is known."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ARCHITECTURES, "toy", ToyArchitecture())
        yield


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tags guitar, rock and happy, through musicnn's front end."""
    return write_bundle(tmp_path_factory.mktemp("bundles") / "toy", ["first"])


@pytest.fixture(scope="module")
def small_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same through the front end of the small data set, with a width that it can take."""
    return write_bundle(tmp_path_factory.mktemp("bundles") / "small", ["first"], front_end=SMALL_FRONT_END)


@pytest.fixture(scope="module")
def manifest(songs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four tracks of three groups, one without consent, one that is not there."""
    folder = tmp_path_factory.mktemp("labelled")
    common = {"training_opt_in": "true", "group": "one", "year": "1990"}
    rows = [
        {"track_id": "<b>a&b</b>", "uri": "flac.flac", "labels": "rock; guitar=-; happy=0"},
        {"track_id": "b", "uri": "mp3.mp3", "labels": "guitar; rock=-", "group": "two"},
        {"track_id": "c", "uri": "ogg.ogg", "labels": "rock; guitar; *=-", "group": "", "year": "2001"},
        {"track_id": "d", "uri": "opus.opus", "labels": "rock", "training_opt_in": ""},
        {"track_id": "e", "uri": "missing.flac", "labels": "rock"},
    ]
    for song in songs.iterdir():
        shutil.copy(song, folder)
    return write_manifest(folder / "labelled.csv", [common | row for row in rows])


def evaluate(*arguments: str | Path) -> tuple[int, dict[str, Any]]:
    """Run the command; the exit code, and the report if there is one."""
    code = tonearm("evaluate", *arguments)
    folder = Path(arguments[list(map(str, arguments)).index("--output") + 1])
    report = folder / "report.json"
    return code, json.loads(report.read_text(), parse_constant=_no_constant) if report.exists() else {}


def _no_constant(name: str) -> None:
    raise AssertionError(f"the report holds {name}")


def test_scores_are_those_that_ingestion_writes(bundle: Path, manifest: Path, tmp_path: Path) -> None:
    code, report = evaluate(bundle, manifest, "--output", tmp_path / "report")
    assert code == 0
    assert tonearm("ingest", manifest, "--output", tmp_path / "tags", "--tagger", bundle) == 0
    judged = {row["track_id"]: row for row in pq.read_table(tmp_path / "report/scores.parquet").to_pylist()}
    tagged = {
        row["track_id"]: row
        for row in query("select * from read_parquet('{output}/track_tags/**/*.parquet')", tmp_path / "tags")
    }
    assert set(judged) == {"<b>a&b</b>", "b", "c"}
    for track_id, row in judged.items():
        assert row["units"] == tagged[track_id]["scores"]
        of_tag = {tag["tag"]: tag["score"] for tag in tagged[track_id]["tags"]}
        assert row["scores"] == [of_tag[tag["tag"]] for tag in report["tags"]]


def test_every_track_is_accounted_for(bundle: Path, manifest: Path, tmp_path: Path) -> None:
    _, report = evaluate(bundle, manifest, "--output", tmp_path / "report")
    assert (report["tracks"]["judged"], report["tracks"]["failed"]) == (3, 1)
    assert list(report["tracks"]["left_out"].values()) == [1]
    (failure,) = report["failures"]
    assert (failure["track_id"], failure["error"]) == ("e", "not_found")
    support = {tag["label"]: (tag["positives"], tag["negatives"]) for tag in report["tags"]}
    assert support == {"guitar": (2, 1), "rock": (2, 1), "happy": (0, 1)}


def test_every_figure_follows_from_the_scores(bundle: Path, manifest: Path, tmp_path: Path) -> None:
    evaluate(bundle, manifest, "--output", tmp_path / "report", "--by", "year", "--by", "group")
    assert Recomputed(tmp_path / "report").differences() == {}


def test_a_baseline_hears_the_same_tracks_through_its_own_front_end(
    bundle: Path, manifest: Path, tmp_path: Path
) -> None:
    other = write_bundle(tmp_path / "other", ["first"], front_end=OTHER_FRONT_END)
    _, report = evaluate(bundle, manifest, "--output", tmp_path / "report", "--baseline", other)
    _, alone = evaluate(other, manifest, "--output", tmp_path / "alone")
    assert report["comparison"]["baseline"]["overall"] == alone["overall"]
    assert Recomputed(tmp_path / "report").differences() == {}
    difference = report["comparison"]["differences"]["overall"]["roc_auc"]["value"]
    assert difference == (
        report["overall"]["figures"]["roc_auc"]["value"] - alone["overall"]["figures"]["roc_auc"]["value"]
    )


def test_a_data_set_is_judged_from_its_patches(small_bundle: Path, tmp_path: Path) -> None:
    tracks = [noise_track(number, [1, -1, 1] if number % 2 else [-1, 0, 1]) for number in range(8)]
    dataset = write_small_dataset(
        tmp_path / "set", {Split.TEST: [tracks[:4], tracks[4:]]}, ["guitar", "happy", "rock"]
    )
    code, report = evaluate(small_bundle, dataset, "--output", tmp_path / "report")
    assert code == 0
    assert (report["set"]["kind"], report["tracks"]["judged"]) == ("dataset", 8)
    known = {tag["label"]: tag["figures"]["roc_auc"]["value"] is not None for tag in report["tags"]}
    assert known == {"guitar": True, "rock": False, "happy": False}
    assert Recomputed(tmp_path / "report").differences() == {}


def test_a_data_set_of_another_front_end_is_refused(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    dataset = write_small_dataset(
        tmp_path / "set", {Split.TEST: [[noise_track(1, [1, -1])]]}, ["rock", "guitar"]
    )
    code, _ = evaluate(bundle, dataset, "--output", tmp_path / "report")
    assert code == 2
    assert "labelled manifest" in capsys.readouterr().err
    assert not (tmp_path / "report").exists()


def test_words_that_differ_are_mapped(
    bundle: Path, manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = tmp_path / "words.json"
    words.write_text(json.dumps({"happy": "rock", "rock": None}))
    _, report = evaluate(bundle, manifest, "--output", tmp_path / "a", "--map_vocabulary", words)
    assert {(tag["tag"], tag["label"]) for tag in report["tags"]} == {("guitar", "guitar"), ("happy", "rock")}
    for content, told in (
        ({"hapy": "rock"}, "did you mean 'happy'"),
        ({"happy": "rok"}, "did you mean 'rock'"),
        ({"happy": "rock"}, "both answer the label 'rock'"),
        (["happy"], "one JSON object"),
    ):
        words.write_text(json.dumps(content))
        code, _ = evaluate(bundle, manifest, "--output", tmp_path / "b", "--map_vocabulary", words)
        assert code == 2
        assert told in capsys.readouterr().err


def test_an_evaluation_is_replaced_only_where_it_is_asked_for(
    bundle: Path, manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    evaluate(bundle, manifest, "--output", tmp_path / "report")
    before = {path.name: path.read_bytes() for path in (tmp_path / "report").iterdir()}
    assert evaluate(bundle, manifest, "--output", tmp_path / "report")[0] == 2
    assert "--replace" in capsys.readouterr().err
    assert evaluate(bundle, manifest, "--output", tmp_path / "report", "--replace")[0] == 0
    assert {path.name: path.read_bytes() for path in (tmp_path / "report").iterdir()} == before
    (tmp_path / "music").mkdir()
    assert evaluate(bundle, manifest, "--output", tmp_path / "music", "--replace")[0] == 2
    assert "no evaluation" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--by", "yeer"), "no such column"),
        (("--split", "dev"), "invalid choice"),
        (("--baseline", "nothing"), "nothing"),
    ],
)
def test_wrong_calls(
    bundle: Path,
    manifest: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, str],
    told: str,
) -> None:
    code, _ = evaluate(bundle, manifest, "--output", tmp_path / "report", *options)
    assert code == 2
    assert told in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_sets_that_tell_little(bundle: Path, manifest: Path, tmp_path: Path) -> None:
    song = manifest.parent / "flac.flac"
    for labels in ("rock", "rock=0; guitar=0", "rock=-"):
        rows = [{"track_id": "a", "uri": str(song), "labels": labels, "training_opt_in": "true"}]
        one = write_manifest(tmp_path / "one.csv", rows)
        code, report = evaluate(bundle, one, "--output", tmp_path / labels, "--baseline", bundle)
        assert code == 0
        assert report["overall"]["figures"]["roc_auc"] == {"value": None, "interval": None}
        assert Recomputed(tmp_path / labels).differences() == {}


@pytest.mark.parametrize(
    "labels",
    [("rock; guitar=-", "rock=-; guitar=-", "rock; guitar=-"), ("rock; guitar", "rock=-", "guitar=-")],
    ids=["a class without positives", "all of one group"],
)
def test_classes_without_positives_and_one_group_have_a_report(
    bundle: Path, manifest: Path, tmp_path: Path, labels: tuple[str, ...]
) -> None:
    common = {"training_opt_in": "true", "group": "one"}
    songs = [manifest.parent / name for name in ("flac.flac", "mp3.mp3", "ogg.ogg")]
    rows = [
        common | {"track_id": song.stem, "uri": str(song), "labels": told}
        for song, told in zip(songs, labels, strict=True)
    ]
    labelled = write_manifest(tmp_path / "labelled.csv", rows)
    code, report = evaluate(bundle, labelled, "--output", tmp_path / "report", "--baseline", bundle)
    assert code == 0
    found = {tag["label"]: tag["figures"]["roc_auc"] for tag in report["tags"]}
    assert all(figure["interval"] is None for figure in found.values())
    assert found["rock"]["value"] is not None
    assert (found["guitar"]["value"] is None) == ("rock; guitar=-" in labels)
    assert "–" in (tmp_path / "report" / "report.html").read_text()
    assert Recomputed(tmp_path / "report").differences() == {}
