"""``tonearm retry``: what failed is tried again, as it is now."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.catalog import counts, errors, keys, table, tonearm, write_manifest, write_song


@pytest.fixture
def failed(tmp_path: Path, output: Path) -> Path:
    """The folder of a catalog with a good track, a missing one, a broken one and an invalid row."""
    write_song(tmp_path / "good.flac")
    (tmp_path / "broken.flac").write_bytes(b"no music" * 1000)
    rows = [{"track_id": name, "uri": f"{name}.flac"} for name in ("good", "missing", "broken", "")]
    manifest = write_manifest(tmp_path / "catalog.csv", rows)
    assert tonearm("ingest", manifest, "--output", output) == 0
    assert counts(output) == (4, 1, 0, 3)
    return tmp_path


def test_a_retry_takes_what_may_succeed(failed: Path, output: Path) -> None:
    shutil.copy(failed / "good.flac", failed / "missing.flac")
    assert tonearm("retry", output) == 0
    assert counts(output) == (1, 1, 0, 0)
    assert [key[0] for key in keys(output)] == ["good", "missing"]


def test_what_fails_again_adds_no_row(failed: Path, output: Path) -> None:
    before = len(table(output, "failures"))
    assert tonearm("retry", output, "--all") == 0
    assert counts(output) == (2, 0, 0, 2)
    assert len(table(output, "failures")) == before


def test_all_takes_also_what_was_hopeless(failed: Path, output: Path) -> None:
    write_song(failed / "broken.flac")
    assert tonearm("retry", output) == 0
    assert counts(output) == (1, 0, 0, 1)
    assert tonearm("retry", output, "--all") == 0
    assert [key[0] for key in keys(output)] == ["broken", "good"]


def test_what_was_tagged_since_is_skipped(failed: Path, output: Path) -> None:
    shutil.copy(failed / "good.flac", failed / "missing.flac")
    for expected in ((1, 1, 0, 0), (1, 0, 1, 0)):
        assert tonearm("retry", output) == 0
        assert counts(output) == expected
    assert len(keys(output)) == 2


def test_too_many_failures_end_with_1(failed: Path, output: Path) -> None:
    assert tonearm("retry", output, "--max_failed_fraction", "0.5") == 1


def test_nothing_to_retry_is_a_whole_run(tmp_path: Path, output: Path) -> None:
    write_song(tmp_path / "good.flac")
    assert tonearm("ingest", tmp_path / "good.flac", "--output", output) == 0
    assert tonearm("retry", output) == 0
    assert errors(output) == {}


def test_an_engine_is_a_wrong_call(output: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert tonearm("retry", output, "--runner", "DataflowRunner") == 2
    assert "one machine" in capfd.readouterr().err


def test_names_that_are_no_utf_8_are_told_apart_and_found_again(tmp_path: Path, output: Path) -> None:
    (folder := tmp_path / "caf\udce9").mkdir()
    songs = [folder / "\udce9 100%.flac", folder / "\udce8 100%.flac"]
    for song in songs:
        song.touch()
    assert tonearm("ingest", tmp_path, "--output", output) == 0
    assert len({row["uri"] for row in table(output, "failures")}) == 2
    whole = write_song(tmp_path.parent / "whole.flac")
    for song in songs:
        shutil.copy(whole, song)
    assert tonearm("retry", output, "--all") == 0
    assert counts(output) == (2, 2, 0, 0)
    assert tonearm("ingest", tmp_path, "--output", output) == 0
    assert counts(output) == (2, 0, 2, 0)
    assert tonearm("show", output, "caf%E9/%E9", "--picture", tmp_path / "a.png") == 0
