"""Tracks that become another file and what they were again: the latest rows say what the catalog says now."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.bigquery_datasets import ServedDataset
from tests.catalog import LATEST_ROWS, counts, query, table, tonearm, write_manifest

pytest_plugins = ["tests.bigquery_datasets"]


@pytest.fixture
def library(songs: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(songs, tmp_path / "music"))


def latest_uri(output: Path) -> dict[str, str]:
    """The file that each track's latest row is of."""
    return {row["track_id"]: Path(row["uri"]).name for row in query(LATEST_ROWS, output)}


def tag_catalog(library: Path, output: Path, **uri_of: str) -> tuple[int, int, int, int]:
    """Tag a catalog that names these files; returns the run's counts."""
    rows = [{"track_id": track_id, "uri": uri} for track_id, uri in uri_of.items()]
    manifest = write_manifest(library / "catalog.csv", rows)
    assert tonearm("ingest", manifest, "--output", output) == 0
    return counts(output)


def test_a_row_that_is_pointed_back_is_tagged_again(
    library: Path, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("flac.flac", "mp3.mp3", "flac.flac"):
        assert tag_catalog(library, output, song=name, other="ogg.ogg")[1] >= 1
        assert latest_uri(output) == {"song": name, "other": "ogg.ogg"}
    assert tag_catalog(library, output, song="flac.flac", other="ogg.ogg") == (2, 0, 2, 0)
    assert tonearm("show", output, "song") == 0
    assert "flac.flac" in capsys.readouterr().out


def test_a_file_that_is_put_back_is_tagged_again(library: Path, output: Path) -> None:
    """With the time and size that it had, as backups and S3's ETags have it."""
    song, other = library / "flac.flac", library / "ogg.ogg"
    before, status = song.read_bytes(), song.stat()
    assert tonearm("ingest", song, "--output", output) == 0
    song.write_bytes(other.read_bytes())
    assert tonearm("ingest", song, "--output", output) == 0
    song.write_bytes(before)
    os.utime(song, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert tonearm("ingest", song, "--output", output) == 0
    assert counts(output) == (1, 1, 0, 0)
    assert [row["codec"] for row in query(LATEST_ROWS, output)] == ["flac"]
    assert tonearm("ingest", song, "--output", output) == 0
    assert counts(output) == (1, 0, 1, 0)


def test_a_retry_does_not_bring_back_a_file_that_the_catalog_names_no_more(
    library: Path, output: Path
) -> None:
    tag_catalog(library, output, song="late.flac")
    tag_catalog(library, output, song="mp3.mp3")
    shutil.copy(library / "flac.flac", library / "late.flac")
    assert [row["error"] for row in table(output, "failures")] == ["not_found"]
    assert tonearm("retry", output) == 0
    assert latest_uri(output) == {"song": "mp3.mp3"}


@pytest.mark.slow
def test_in_bigquery_the_later_row_of_a_file_replaces_the_earlier(
    library: Path, target: ServedDataset
) -> None:
    manifest = library / "catalog.csv"
    for name in ("flac.flac", "mp3.mp3", "flac.flac"):
        write_manifest(manifest, [{"track_id": "song", "uri": name}])
        assert tonearm("ingest", manifest, "--output", target.location) == 0
        assert target.counts() == (1, 1, 0, 0)
    by_time = sorted(target.rows("track_tags"), key=lambda row: row["analyzed_at"])
    assert [Path(row["uri"]).name for row in by_time] == ["mp3.mp3", "flac.flac"]
    assert len(target.rows("embeddings")) == 2
