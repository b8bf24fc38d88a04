"""Runs with two taggers: a shadow's rows are those of a run of its own, and a canary's tracks its alone."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from deploy.flink.cluster import FlinkCluster
from tests.bundle_drafts import INSTRUMENTS, instruments_draft, short_chunk_network
from tests.catalog import counts, last_run, start_tonearm, table, tonearm, write_manifest, write_song
from tests.cloud import BUCKET, TABLES, ended_by, fetches, stream_until, tables_of, upload_songs
from tests.servers.processes import wait_for
from tests.streaming import make_songs
from tests.toy_architecture import ToyArchitecture, write_bundle
from tonearm.models.architectures import ARCHITECTURES
from tonearm.models.bundles.weights import weights_of
from tonearm.models.bundles.writing import write_bundle as write_draft
from tonearm.models.engines import shared
from tonearm.models.front_end import FrontEnd
from tonearm.pipelines.graphs import stream
from tonearm.transforms.elements.further_taggers import Canary

if TYPE_CHECKING:
    from tests.bigquery_datasets import ServedDataset

pytest_plugins = ["tests.servers.prism", "tests.servers.flink", "tests.bigquery_datasets"]

SONGS = ("0", "1", "2", "3", "broken")

FURTHER = [("--shadow",), ("--canary_share", "50%", "--canary")]
"""Options before a second tagger's bundle."""

Tagging = dict[str, tuple[str, list[float], Any]]


@pytest.fixture
def bundles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two versions of a tagger, ``1`` and ``2``, and one with another front end, ``other``."""
    monkeypatch.setitem(ARCHITECTURES, "toy", ToyArchitecture())
    monkeypatch.setattr(shared, "_shared", {})
    folder = tmp_path / "bundles"
    for version in (1, 2):
        write_bundle(folder / str(version), ["one"], version=version)
    write_bundle(folder / "other", ["one"], front_end=FrontEnd(hop_length=320), version=3)
    return folder


@pytest.fixture(scope="module")
def real_bundles(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same of networks that every process knows, without the third."""
    folder = tmp_path_factory.mktemp("bundles")
    draft = instruments_draft()
    weights = weights_of(short_chunk_network(len(INSTRUMENTS), seed=2))
    write_draft(folder / "1", draft)
    write_draft(
        folder / "2", replace(draft, version="2", networks=(replace(draft.networks[0], weights=weights),))
    )
    return folder


@pytest.fixture(scope="module")
def songs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four tracks, and a file that is none."""
    folder = tmp_path_factory.mktemp("songs")
    for number in range(4):
        write_song(folder / f"{number}.flac", from_hz=200.0 + 100 * number, seconds=3.5 + number)
    (folder / "broken.flac").write_bytes(b"fLaC" + bytes(3000))
    return folder


def tagging(output: Path, name: str = "track_tags") -> Tagging:
    """Of each track its tagger, its scores and tags."""
    return {Path(row["uri"]).stem: (row["tagger"], row["scores"], row["tags"]) for row in table(output, name)}


def assert_same(one: Tagging, other: Tagging) -> None:
    """Two taggers' rows say the same."""
    assert one.keys() == other.keys()
    for name, (tagger, scores, tags) in one.items():
        assert tagger == other[name][0]
        np.testing.assert_allclose(scores, other[name][1], atol=1e-6)
        assert [(tag["tag"], tag["selected"]) for tag in tags] == [
            (tag["tag"], tag["selected"]) for tag in other[name][2]
        ]


def run_alone(songs: Path, bundle: Path, tmp_path: Path) -> Tagging:
    """What a run of its own writes."""
    assert tonearm("ingest", songs, "--output", tmp_path / "alone", "--tagger", bundle) == 0
    return tagging(tmp_path / "alone")


def test_a_shadows_rows_are_those_of_a_run_of_its_own(
    bundles: Path, songs: Path, output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = ("--tagger", bundles / "1", "--shadow", bundles / "2")
    assert tonearm("ingest", songs, "--output", output, *both) == 0
    assert "tagged by the shadow, too: 4" in capsys.readouterr().out
    assert tonearm("ingest", songs, "--output", tmp_path / "first", "--tagger", bundles / "1") == 0
    assert_same(tagging(output), tagging(tmp_path / "first"))
    assert_same(tagging(output, "shadow_tags"), run_alone(songs, bundles / "2", tmp_path))
    assert {tagger for tagger, *_ in tagging(output, "shadow_tags").values()} == {"toy@2"}
    assert counts(output) == (5, 4, 0, 1)
    assert len(table(output, "embeddings")) == 4
    settings = dict(last_run(output)["settings"])
    assert settings["shadow"] == "toy@2"
    assert {row["tagger"] for row in table(output, "failures")} == {"toy@1"}
    assert not (tmp_path / "first" / "shadow_tags").exists()

    assert tonearm("ingest", songs, "--output", output, *both) == 0
    assert counts(output) == (5, 0, 5, 0)
    capsys.readouterr()
    assert tonearm("compare", output, "toy@1", "toy@2", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["tracks"]["compared"] == 4
    changed = [tag for tag in told["tags"] if tag["gained"] or tag["lost"]]
    assert sum(tag["gained"] + tag["lost"] for tag in changed) == sum(
        len(track["gained"]) + len(track["lost"]) for track in told["listen_first"]
    )


def id_of(name: str, canary: Canary, is_its: bool) -> str:
    """An id for a track that falls into a canary's share, or does not."""
    return next(each for each in (f"{name} {n}" for n in range(99)) if canary.takes(each) == is_its)


def test_a_canary_tags_the_same_tracks_at_each_run_and_each_once(
    bundles: Path, songs: Path, output: Path, tmp_path: Path
) -> None:
    canary = Canary("", share=0.4)
    files = {id_of(name, canary, is_its): name for name in SONGS for is_its in (True, False)}
    its = {track_id for track_id in files if canary.takes(track_id)}
    rows = [{"track_id": each, "uri": str(songs / f"{name}.flac")} for each, name in files.items()]
    manifest = write_manifest(tmp_path / "catalog.csv", rows)
    call = ("ingest", manifest, "--output", output, "--tagger", bundles / "1", "--canary", bundles / "2")
    assert tonearm(*call, "--canary_share", "40%") == 0
    assert counts(output) == (10, 8, 0, 2)
    for name in ("track_tags", "embeddings", "segments", "failures"):
        for row in table(output, name):
            assert row["tagger"] == ("toy@2" if row["track_id"] in its else "toy@1")
    assert tonearm("ingest", manifest, "--output", tmp_path / "second", "--tagger", bundles / "2") == 0
    second = {row["track_id"]: row["scores"] for row in table(tmp_path / "second", "track_tags")}
    for row in table(output, "track_tags"):
        if row["track_id"] in its:
            np.testing.assert_allclose(row["scores"], second[row["track_id"]], atol=1e-6)

    assert tonearm(*call, "--canary_share", "40%") == 0
    assert counts(output) == (10, 0, 10, 0)
    assert len(table(output, "failures")) == 2
    # Without the canary its tracks are the tagger's again, and of those that failed so is the failure.
    assert tonearm("ingest", manifest, "--output", output, "--tagger", bundles / "1") == 0
    assert counts(output) == (10, 4, 5, 1)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            ("--shadow", "1"),
            "--shadow",
        ),
        (("--canary", "1"), "--canary"),
        (("--shadow", "other"), "another front end"),
        (("--canary", "other"), "another front end"),
        (("--shadow", "2", "--canary", "2"), "give one of the two"),
        (("--canary_share", "5%"), "name the bundle"),
        (("--canary", "2", "--canary_share", "0%"), "above 0%"),
        (("--canary", "2", "--canary_share", "101%"), "up to 100%"),
        (("--canary", "2", "--canary_share", "0.05"), "a share such as 5%"),
        (("--shadow", "none"), "none"),
    ],
)
def test_calls_that_cannot_be_are_refused_before_anything_is_done(
    bundles: Path, songs: Path, output: Path, capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...], said: str,
) -> None:  # fmt: skip
    given = [bundles / each if each in ("1", "2", "other", "none") else each for each in options]
    assert tonearm("ingest", songs, "--output", output, "--tagger", bundles / "1", *given) == 2
    assert said in capsys.readouterr().err
    assert not output.exists()


@pytest.mark.slow
def test_a_canary_that_was_changed_without_a_new_version_is_refused(
    bundles: Path, songs: Path, output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    changed = tmp_path / "changed"
    shutil.copytree(bundles / "2", changed)
    described = json.loads((changed / "bundle.json").read_text())
    (changed / "bundle.json").write_text(json.dumps(described | {"description": "another"}))
    call = (
        "ingest",
        songs / "0.flac",
        "--output",
        output,
        "--tagger",
        bundles / "1",
        "--canary_share",
        "100%",
    )
    assert tonearm(*call, "--canary", bundles / "2") == 0
    assert tonearm(*call, "--canary", changed) == 2
    assert "tagged with another toy@2" in capsys.readouterr().err
    assert tonearm("ingest", songs / "0.flac", "--output", output, "--tagger", changed) == 2


@pytest.mark.slow
def test_spectrograms_are_tagged_by_both(
    real_bundles: Path, songs: Path, output: Path, tmp_path: Path
) -> None:
    both = ("--tagger", real_bundles / "1", "--shadow", real_bundles / "2")
    made = tmp_path / "made"
    assert tonearm("spectrograms", songs, "--output", made, "--tagger", real_bundles / "1") == 0
    files = made / "spectrograms"
    assert tonearm("ingest", files, "--input_kind", "spectrogram", "--output", output, *both) == 0
    alone = ("--output", tmp_path / "alone", "--tagger", real_bundles / "2")
    assert tonearm("ingest", files, "--input_kind", "spectrogram", *alone) == 0
    assert_same(tagging(output, "shadow_tags"), tagging(tmp_path / "alone"))
    assert {row["input_kind"] for row in table(output, "shadow_tags")} == {"spectrogram"}


@pytest.mark.slow
@pytest.mark.parametrize("further", FURTHER)
def test_on_prism(
    real_bundles: Path,
    songs: Path,
    output: Path,
    tmp_path: Path,
    prism: tuple[str, ...],
    further: tuple[str, ...],
) -> None:
    both = ("--tagger", real_bundles / "1", *further, real_bundles / "2")
    assert tonearm("ingest", songs, "--output", output, *both) == 0
    assert tonearm("ingest", songs, "--output", tmp_path / "prism", *both, *prism) == 0
    assert counts(tmp_path / "prism") == counts(output) == (5, 4, 0, 1)
    for name in ("track_tags", "shadow_tags"):
        assert_same(tagging(tmp_path / "prism", name), tagging(output, name))
    assert {row["tagger"] for row in table(tmp_path / "prism", "failures")} == {
        row["tagger"] for row in table(output, "failures")
    }
    assert tonearm("ingest", songs, "--output", tmp_path / "prism", *both, *prism) == 0
    assert counts(tmp_path / "prism") == (5, 0, 5, 0)


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["gs", "s3"])
def test_in_a_store_each_object_is_fetched_once_for_both(
    scheme: str,
    bundles: Path,
    songs: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    request: pytest.FixtureRequest,
) -> None:
    server = request.getfixturevalue("gcs_server" if scheme == "gs" else "s3_server")
    server.create_bucket(BUCKET)
    names = upload_songs(server, songs)
    both = ("--tagger", bundles / "1", "--shadow", bundles / "2")
    output = f"{scheme}://{BUCKET}/{TABLES}"
    assert tonearm("ingest", f"{scheme}://{BUCKET}/in/", "--output", output, *both) == 0
    assert {name: len(fetches(server.faults, name)) for name in names} == dict.fromkeys(names, 1)
    tables = tables_of(server, tmp_path / "t")
    assert counts(tables) == (5, 4, 0, 1)
    assert_same(tagging(tables, "shadow_tags"), run_alone(songs, bundles / "2", tmp_path))
    capsys.readouterr()
    assert tonearm("compare", output, "toy@1", "toy@2", "--json") == 0
    assert json.loads(capsys.readouterr().out)["tracks"]["compared"] == 4


@pytest.mark.slow
def test_in_bigquery_the_views_leave_the_shadow_out(
    bundles: Path, songs: Path, target: ServedDataset, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = ("--tagger", bundles / "1", "--shadow", bundles / "2")
    for further in ((), ("--retag",)):  # rows that come again replace those that are there
        assert tonearm("ingest", songs, "--output", target.location, *both, *further) == 0
    seen = target.dataset.query(f"SELECT tagger FROM {target.dataset.quoted('track_tags_latest')}")
    assert [row["tagger"] for row in seen] == ["toy@1"] * 4
    assert [row["tagger"] for row in target.rows("shadow_tags")] == ["toy@2"] * 4
    alone = run_alone(songs, bundles / "2", tmp_path)
    for row in target.rows("shadow_tags"):
        np.testing.assert_allclose(row["scores"], alone[Path(row["uri"]).stem][1], atol=1e-6)
    capsys.readouterr()
    assert tonearm("compare", target.location, "toy@1", "toy@2", "--by", "codec", "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["tracks"]["compared"] == 4
    assert [source["source"] for source in told["sources"]] == ["flac"]


@pytest.mark.slow
def test_a_stream_goes_on_when_its_shadow_becomes_the_tagger(
    bundles: Path, songs: Path, output: Path, tmp_path: Path
) -> None:
    root, incoming = tmp_path / "root", tmp_path / "incoming"
    incoming.mkdir()
    assert tonearm("promote", bundles / "1", root) == 0

    def upload(*names: str) -> None:
        for name in names:
            shutil.copy(songs / f"{name}.flac", incoming)

    def is_done() -> bool:
        tagged = len(table(output, "track_tags"))
        if tagged == 2 and len(list(incoming.iterdir())) == 2:
            assert tonearm("promote", bundles / "2", root, "--force") == 0
            upload("2", "3")
        return tagged == 4

    upload("0", "1")
    stream = ("--watch", incoming, "--poll_seconds", "0.1", "--max_wave_seconds", "0.1", "--wave_tracks", "2")
    call = (*stream, "--output", output, "--tagger", root, "--shadow", bundles / "2")
    assert stream_until(is_done, *map(str, call)) == 0
    assert {name: tagger for name, (tagger, *_) in tagging(output).items()} == {
        **{"0": "toy@1", "1": "toy@1", "2": "toy@2", "3": "toy@2"}
    }
    alone = run_alone(songs, bundles / "2", tmp_path)
    assert_same(tagging(output, "shadow_tags"), {name: alone[name] for name in ("0", "1")})


@pytest.mark.slow
def test_a_killed_run_leaves_one_row_of_each_tagger_when_it_has_run_again(
    real_bundles: Path, output: Path, tmp_path: Path
) -> None:
    tracks = make_songs(tmp_path / "music", 20)
    both = ("--tagger", real_bundles / "1", "--shadow", real_bundles / "2", "--wave_tracks", "2")
    call = ("ingest", tmp_path / "music", "--output", output, *both)
    run = start_tonearm(*call)
    wait_for(lambda: len(table(output, "track_tags")) >= 4, timeout_s=120)
    run.kill()
    run.communicate()
    tagged = len(table(output, "track_tags"))
    assert 4 <= tagged < len(tracks)  # or it was killed too late
    assert tonearm(*call) == 0
    assert counts(output)[0] == len(tracks)
    first, second = ([row["uri"] for row in table(output, name)] for name in ("track_tags", "shadow_tags"))
    assert sorted(first) == sorted(second) == sorted(map(str, tracks))


@pytest.mark.slow
@pytest.mark.parametrize("further", FURTHER)
def test_a_stream_on_prism(
    real_bundles: Path,
    songs: Path,
    output: Path,
    tmp_path: Path,
    prism: tuple[str, ...],
    further: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(stream, "GATHERING_SECONDS", 1.0)
    both = ("--tagger", real_bundles / "1", *further, real_bundles / "2")
    assert tonearm("ingest", songs, "--output", output, *both) == 0
    streamed = tmp_path / "streamed"

    def is_done() -> bool:
        return len(table(streamed, "track_tags")) + len(table(streamed, "failures")) == len(SONGS)

    with ended_by(is_done, 200) as outcome:
        assert tonearm("ingest", "--watch", songs, "--output", streamed, *both, *prism) == 0
    assert "error" not in outcome
    for name in ("track_tags", "shadow_tags"):
        assert_same(tagging(streamed, name), tagging(output, name))
    assert len(table(streamed, "track_tags")) == 4


@pytest.mark.slow
@pytest.mark.parametrize("further", FURTHER)
def test_on_flink(
    real_bundles: Path,
    songs: Path,
    output: Path,
    tmp_path: Path,
    flink: FlinkCluster,
    further: tuple[str, ...],
) -> None:
    both = ("--tagger", real_bundles / "1", *further, real_bundles / "2")
    assert tonearm("ingest", songs, "--output", output, *both) == 0
    command = start_tonearm("ingest", songs, "--output", tmp_path / "flink", *both, *flink.options())
    said, _ = command.communicate(timeout=400)
    print(said)
    assert command.returncode == 0
    assert counts(tmp_path / "flink") == counts(output) == (5, 4, 0, 1)
    for name in ("track_tags", "shadow_tags"):
        assert_same(tagging(tmp_path / "flink", name), tagging(output, name))
