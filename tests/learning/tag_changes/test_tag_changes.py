"""What changes from one tagger to another is told by tag, facet, source and track; counts add up."""

from __future__ import annotations

import csv
import errno
import json
import os
import pickle
import tracemalloc
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.catalog import tonearm
from tonearm.errors import WrongCallError
from tonearm.learning.tag_changes import tallies
from tonearm.learning.tag_changes.changed_tracks import ChangedTrack
from tonearm.learning.tag_changes.comparing import ComparisonOrder, compare
from tonearm.pipelines.reports.taggers.changed_tracks import changed_tracks_file
from tonearm.transforms.tables.parquet.files import ParquetWriter
from tonearm.transforms.tables.schemas import Row

MOMENT = datetime(2026, 10, 1, 12, tzinfo=UTC)
FACETS = {"rock": "genre", "jazz": "genre", "calm": "mood", "guitar": "instrument", "drums": "instrument"}
THRESHOLD = 0.5


def row(
    track: str,
    tagger: str,
    scores: Mapping[str, float],
    *,
    generation: str = "1",
    minutes: float = 0,
    folder: str = "/music/west",
    **metadata: str,
) -> Row:
    """A row of ``track_tags``; tags from one half on are selected."""
    moment = MOMENT + timedelta(minutes=minutes)
    ranked = sorted(scores.items(), key=lambda each: -each[1])
    tags = [
        {
            **{"facet": FACETS[tag], "tag": tag, "score": score, "peak": score, "presence": 1.0},
            "selected": score >= THRESHOLD,
        }
        for tag, score in ranked
    ]
    return {
        **{"track_id": track, "generation": generation, "tagger": tagger, "uri": f"{folder}/{track}.mp3"},
        **{"content_sha256": "0" * 64, "ingest_date": moment.date(), "analyzed_at": moment},
        **{"input_kind": "audio", "codec": "mp3", "sample_rate_hz": 44100, "channels": 2},
        **{"duration_s": 100.0, "decoded_s": 100.0, "analyzed_s": 100.0, "truncated": False, "tags": tags},
        **{"scores": [], "metadata": list(metadata.items()), "downmix_loss_db": None},
        **{"run_id": f"20261001T000000-{int(minutes):08}", "frontend": "f"},
    }


def run_row() -> Row:
    """A row of ``runs``."""
    counts = dict.fromkeys(("n_seen", "n_tagged", "n_skipped", "n_failed"), 0)
    told: Row = {"run_id": "20261001T000000-aaaaaaaa", "mode": "batch", "tagger": "old@1", "frontend": "f"}
    times: Row = {"started": MOMENT, "ended": MOMENT, "ingest_date": MOMENT.date(), "bundle_sha256": ""}
    return {**told, **counts, **times, "versions": [], "settings": []}


def write_tables(folder: Path, *rows: Row) -> Path:
    """The tables of an output."""
    writer = ParquetWriter(str(folder))
    writer.write("track_tags", rows)
    writer.write("runs", [run_row()])
    return folder


@pytest.fixture
def catalog(tmp_path: Path) -> Path:
    """Four tracks of both taggers, one each of only one, one at different generations."""
    west, east = "/music/west", "/music/east"
    return write_tables(
        tmp_path / "tags",
        row("same", "old@1", {"rock": 0.9, "calm": 0.1, "guitar": 0.7}, folder=west, label="a"),
        row("same", "new@2", {"rock": 0.8, "calm": 0.2, "drums": 0.9}, folder=west, label="a"),
        row("turned", "old@1", {"rock": 0.9, "calm": 0.1, "guitar": 0.7}, folder=west, label="b"),
        row("turned", "new@2", {"rock": 0.1, "calm": 0.9, "drums": 0.1}, folder=west, label="b"),
        row("edge", "old@1", {"rock": 0.49, "calm": 0.1, "guitar": 0.7}, folder=east, label="b"),
        row("edge", "new@2", {"rock": 0.51, "calm": 0.1, "drums": 0.1}, folder=east, label="b"),
        row("edge", "other@1", {"rock": 0.0}, folder=east),
        row("again", "old@1", {"rock": 0.9, "calm": 0.1, "guitar": 0.7}, folder=east),
        row("again", "new@2", {"rock": 0.2, "calm": 0.9, "drums": 0.1}, folder=east),
        row("again", "new@2", {"rock": 0.9, "calm": 0.1, "drums": 0.1}, folder=east, minutes=5),
        row("gone", "old@1", {"rock": 0.9, "calm": 0.1, "guitar": 0.7}),
        row("come", "new@2", {"rock": 0.9, "calm": 0.1, "drums": 0.1}),
        row("other file", "old@1", {"rock": 0.9, "calm": 0.1, "guitar": 0.7}),
        row("other file", "new@2", {"rock": 0.1, "calm": 0.1, "drums": 0.1}, generation="2"),
    )


def compared(capsys: pytest.CaptureFixture[str], *arguments: str | Path) -> dict[str, Any]:
    assert tonearm("compare", *arguments, "--json") == 0
    told: dict[str, Any] = json.loads(capsys.readouterr().out)
    return told


def test_changes_are_counted_by_tag_facet_source_and_track(
    catalog: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    told = compared(capsys, catalog, "old@1", "new@2")
    assert told["tracks"] == {
        **{"compared": 4, "changed": 2, "only_first": 1, "only_second": 1, "other_generation": 1}
    }
    assert (told["words_only_first"], told["words_only_second"]) == (["guitar"], ["drums"])
    rock, calm = (next(tag for tag in told["tags"] if tag["tag"] == name) for name in ("rock", "calm"))
    assert [rock[key] for key in ("compared", "selected_first", "selected_second")] == [4, 3, 3]
    assert (rock["gained"], rock["lost"], calm["gained"], calm["lost"]) == (1, 1, 1, 0)
    assert rock["mean_change_of_score"] == pytest.approx((-0.1 - 0.8 + 0.02 + 0.0) / 4)
    assert rock["mean_size_of_change"] == pytest.approx((0.1 + 0.8 + 0.02 + 0.0) / 4)
    assert [(each["facet"], each["changed"], each["gained"], each["lost"]) for each in told["facets"]] == [
        ("genre", 2, 1, 1),
        ("mood", 1, 1, 0),
    ]
    assert {each["source"]: (each["compared"], each["changed"]) for each in told["sources"]} == {
        "/music/west": (2, 1),
        "/music/east": (2, 1),
    }
    first, second = told["listen_first"]
    assert (first["track_id"], first["uri"]) == ("turned", "/music/west/turned.mp3")
    assert first["change"] == pytest.approx(1.6)
    assert [tag["tag"] for tag in first["gained"]] == ["calm"]
    assert [tag["tag"] for tag in first["lost"]] == ["rock"]
    assert (second["track_id"], second["change"]) == ("edge", pytest.approx(0.02))


def test_sources_are_told_apart_by_a_column(catalog: Path, capsys: pytest.CaptureFixture[str]) -> None:
    told = compared(capsys, catalog, "old@1", "new@2", "--by", "label")
    assert {each["source"]: (each["compared"], each["changed"]) for each in told["sources"]} == {
        **{"a": (1, 0), "b": (2, 2), "": (1, 0)}
    }
    assert next(each for each in told["sources"] if each["source"] == "b")["by_facet"] == {
        **{"genre": 2, "mood": 1}
    }


def test_what_people_see(catalog: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tonearm("compare", catalog, "old@1", "new@2") == 0
    told = capsys.readouterr().out
    assert "4 tracks have tags of both old@1 and new@2; 1 only of old@1, 1 only of new@2" in told
    assert "words that only old@1 has, not compared: guitar" in told
    assert "tags change for 2 of them, 50.0%" in told
    assert "1.60  /music/west/turned.mp3" in told
    assert "+calm (0.10 to 0.90), -rock (0.90 to 0.10)" in told


def test_all_changed_tracks_go_to_a_file_that_is_written_once(catalog: Path, tmp_path: Path) -> None:
    changed = tmp_path / "changed.csv"
    call = ("compare", catalog, "old@1", "new@2", "--limit", "1", "--changed", changed)
    assert tonearm(*call) == 0
    with changed.open(newline="") as file:
        rows = {each["track_id"]: each for each in csv.DictReader(file)}
    assert rows.keys() == {"turned", "edge"}
    assert (rows["turned"]["gained"], rows["turned"]["lost"]) == ("calm", "rock")
    before = changed.read_bytes()
    assert tonearm(*call) == 2
    assert changed.read_bytes() == before
    assert tonearm("compare", catalog, "old@1", "none@1", "--changed", tmp_path / "other.csv") == 2
    assert sorted(path.name for path in tmp_path.iterdir()) == ["changed.csv", "tags"]


def test_a_comparison_that_is_killed_leaves_nothing_beside_its_file(tmp_path: Path) -> None:
    track = ChangedTrack("a", "1", "/music/ä.mp3", "", 0.5, (), ())
    changed = tmp_path / "changed.csv"
    with changed_tracks_file(changed) as write:
        write(track)
        assert list(tmp_path.iterdir()) == []
    assert changed.read_text(encoding="utf-8").splitlines()[1:] == ["a,/music/ä.mp3,1,,0.5000,,"]
    with pytest.raises(WrongCallError, match="there is no folder"), changed_tracks_file(tmp_path / "b" / "c"):
        pass


def test_calls_that_cannot_be(catalog: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tonearm("compare", tmp_path / "nothing", "old@1", "new@2") == 2
    capsys.readouterr()
    assert tonearm("compare", catalog, "old@1", "newer@3") == 2
    assert "no rows of newer@3; it has new@2, old@1, other@1" in capsys.readouterr().err
    assert tonearm("compare", catalog, "old@1", "old@1") == 2
    changed = tmp_path / "changed.csv"
    capsys.readouterr()
    assert tonearm("compare", catalog, "old@1", "new@2", "--by", "lable", "--changed", changed) == 2
    assert "--by lable: no track has anything in this column; there are codec, input_kind, label" in (
        capsys.readouterr().err
    )
    assert not changed.exists()


def test_a_full_disk_ends_in_one_line(
    catalog: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(pickle, "dump", full)
    assert tonearm("compare", catalog, "old@1", "new@2") == 1
    assert "No space left on device; TMPDIR names another folder" in capsys.readouterr().err


def test_taggers_without_a_word_or_a_track_in_common(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tables = write_tables(
        tmp_path / "words", row("a", "old@1", {"rock": 0.9}), row("a", "new@2", {"jazz": 0.9})
    )
    told = compared(capsys, tables, "old@1", "new@2")
    assert (told["tracks"]["compared"], told["tracks"]["changed"], told["tags"]) == (1, 0, [])
    tables = write_tables(
        tmp_path / "tracks", row("a", "old@1", {"rock": 0.9}), row("b", "new@2", {"rock": 0.1})
    )
    told = compared(capsys, tables, "old@1", "new@2")
    assert told["tracks"] == {
        **{"compared": 0, "changed": 0, "only_first": 1, "only_second": 1, "other_generation": 0}
    }
    assert tonearm("compare", tables, "old@1", "new@2") == 0


def test_of_rows_that_lack_a_word_it_is_not_compared(tmp_path: Path) -> None:
    """Rows of one tagger have one vocabulary, unless somebody gave two bundles the same name and version."""
    tables = write_tables(
        tmp_path / "tags",
        row("a", "old@1", {"rock": 0.9}),
        row("b", "old@1", {"rock": 0.9, "jazz": 0.9}),
        row("a", "new@2", {"jazz": 0.1, "rock": 0.9}),
        row("b", "new@2", {"jazz": 0.1, "rock": 0.9}),
    )
    found = compare(ComparisonOrder(str(tables), "old@1", "new@2"))
    by_tag = dict(zip(found.common.tags, found.tags.compared.tolist(), strict=True))
    assert by_tag == {"rock": 2, "jazz": 1}
    assert [track.track_id for track in found.largest.in_order()] == ["b"]


@pytest.mark.slow
def test_memory_does_not_grow_with_the_catalog(tmp_path: Path) -> None:
    """Ten times the tracks take the memory of one Parquet file's piece more, not of ten times the rows."""
    peaks = []
    for tracks in (5_000, 50_000):
        tables = tmp_path / str(tracks)
        for begin in range(0, tracks, 5_000):
            scores = np.random.default_rng(begin).random((5_000, 2))
            rows = [
                row(f"t{begin + number}", tagger, {"rock": score, "calm": 1 - score})
                for number, pair in enumerate(scores.tolist())
                for tagger, score in zip(("old@1", "new@2"), pair, strict=True)
            ]
            write_tables(tables, *rows)
        tracemalloc.start()
        found = compare(ComparisonOrder(str(tables), "old@1", "new@2"))
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
        assert found.compared == tracks
    assert peaks[1] < 1.5 * peaks[0]


def test_sources_without_number_are_counted_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "_MOST_SOURCES", 3)
    scores = np.random.default_rng(1).random(20)
    rows = [
        row(f"t{number}", tagger, {"rock": score}, label=f"label {number}")
        for number, score in enumerate(scores)
        for tagger, score in (("old@1", score), ("new@2", 1 - score))
    ]
    found = compare(ComparisonOrder(str(write_tables(tmp_path / "tags", *rows)), "old@1", "new@2", "label"))
    assert len(found.changed.by_source) == 4
    assert found.changed.by_source[tallies.OTHER_SOURCES].tolist() == [17, 17, 17]
    assert found.changed.whole.tolist() == [20, 20, 20]
