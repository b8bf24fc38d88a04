"""`tonearm ingest --input_kind spectrogram`: rows as from the audio, one outcome a track, nothing lost."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.catalog import counts, keys, table, tonearm, write_manifest, write_song
from tests.spectrogram_files import (
    NPZ,
    PARQUET,
    TFRECORD,
    file_of,
    record_of_audio,
    write_mixed,
    write_one,
    write_shard,
)
from tonearm.transforms.spectrograms.record import SpectrogramRecord

A_SCORE = 5e-3
A_MEAN = 2e-3
"""How far scores may be from those of the audio."""

AS_SPECTROGRAMS = ("--input_kind", "spectrogram")

SAME_COLUMNS = ("uri", "content_sha256", "codec", "sample_rate_hz", "channels", "duration_s", "decoded_s")


@pytest.fixture(scope="module")
def records(songs: Path) -> list[SpectrogramRecord]:
    """The records of four songs."""
    return [
        record_of_audio(song, track_id=song.name, isrc=f"DE-{song.name}") for song in sorted(songs.iterdir())
    ]


def ingested(folder: Path, output: Path, *options: str) -> tuple[int, int, int, int]:
    """Tag spectrograms; the counts of the run."""
    assert tonearm("ingest", folder, *AS_SPECTROGRAMS, "--output", output, *options) == 0
    return counts(output)


def by_key(output: Path, name: str) -> dict[tuple[Any, ...], dict[str, Any]]:
    return {
        (row["track_id"], row["generation"], row.get("segment_index")): row for row in table(output, name)
    }


def largest_differences(one: Path, other: Path) -> dict[str, float]:
    """How far scores of two outputs over the same tracks lie apart; all else has to be equal."""
    found: dict[str, float] = {}
    for name, column in (("track_tags", "scores"), ("segments", "scores"), ("embeddings", "vector")):
        rows, others = by_key(one, name), by_key(other, name)
        assert rows.keys() == others.keys()
        differences = [
            float(np.abs(np.subtract(row[column], others[key][column])).max()) for key, row in rows.items()
        ]
        found[name] = max(differences)
    for key, row in by_key(one, "track_tags").items():
        same = by_key(other, "track_tags")[key]
        assert [row[column] for column in SAME_COLUMNS] == [same[column] for column in SAME_COLUMNS]
        assert row["analyzed_s"] == pytest.approx(same["analyzed_s"])
    return found


def test_the_samples_are_tagged_as_from_their_audio(samples: Path, output: Path, tmp_path: Path) -> None:
    audio, few = tmp_path / "audio", ("--max_patches", "2")  # of ten each, picked alike
    assert tonearm("ingest", samples, "--output", audio, *few) == 0
    rows = table(audio, "track_tags")
    write_mixed(tmp_path / "in", [record_of_audio(Path(row["uri"]), row["track_id"]) for row in rows])

    assert ingested(tmp_path / "in", output, *few) == (8, 8, 0, 0)
    differences = largest_differences(output, audio)
    assert differences["track_tags"] < A_MEAN
    assert differences["segments"] < A_SCORE
    assert {row["input_kind"] for row in table(output, "track_tags")} == {"spectrogram"}
    assert {row["input_kind"] for row in rows} == {"audio"}


def test_a_folder_of_all_forms_is_tagged_once_and_for_all(
    records: list[SpectrogramRecord], output: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    write_shard(folder / "deep" / "shard.parquet", records[:2])
    write_one(folder, records[2], NPZ).rename(folder / "no ending")
    write_one(folder, records[3], TFRECORD)
    write_one(folder / "again", records[0], NPZ)
    (folder / "notes.txt").write_text("as of today")
    shutil.copytree(_tables_of_another_run(tmp_path), folder / "tables")
    (folder / "_staging" / "r1").mkdir(parents=True)
    (folder / "_staging" / "r1" / "half.parquet").write_bytes(b"PAR1 half of it")

    seen, tagged, skipped, failed = ingested(folder, output)
    assert (tagged, failed, seen) == (4, 0, tagged + skipped)
    assert ingested(folder, output) == (seen, 0, seen, 0)
    assert len(keys(output)) == len(set(keys(output))) == 4
    rows = {row["track_id"]: row for row in table(output, "track_tags")}
    assert dict(rows["flac.flac"]["metadata"]) == {"isrc": "DE-flac.flac"}


def _tables_of_another_run(tmp_path: Path) -> Path:
    song = tmp_path / "broken.mp3"
    song.write_bytes(b"no audio")
    assert tonearm("ingest", song, "--output", tmp_path / "tables of audio") == 0
    return tmp_path / "tables of audio"


def test_audio_ingestion_passes_these_files_over(
    records: list[SpectrogramRecord], output: Path, tmp_path: Path
) -> None:
    write_mixed(tmp_path / "in", records)
    write_song(tmp_path / "in" / "song.flac")
    assert tonearm("ingest", tmp_path / "in", "--output", output) == 0
    assert counts(output) == (4, 1, 3, 0)


def test_a_withheld_uri_is_that_of_the_file(
    records: list[SpectrogramRecord], output: Path, tmp_path: Path
) -> None:
    path = write_one(tmp_path / "in", replace(records[0], uri=""), PARQUET)
    assert ingested(path, output) == (1, 1, 0, 0)
    assert [row["uri"] for row in table(output, "track_tags")] == [str(path)]
    assert ingested(path, output) == (1, 0, 1, 0)


def test_what_the_audio_of_was_tagged_is_not_tagged_again(
    songs: Path, records: list[SpectrogramRecord], output: Path, tmp_path: Path
) -> None:
    song = songs / "flac.flac"
    assert tonearm("ingest", song, "--output", output) == 0
    write_one(tmp_path / "in", record_of_audio(song), NPZ)
    assert ingested(tmp_path / "in", output) == (1, 0, 1, 0)


def test_a_manifest_names_files_and_adds_its_columns(
    records: list[SpectrogramRecord], output: Path, tmp_path: Path
) -> None:
    write_one(tmp_path / "in", records[0], NPZ)
    write_song(tmp_path / "in" / "song.flac")
    rows = [
        {"track_id": name, "uri": f"in/{name}", "label": "ours"}
        for name in (f"{records[0].track_id}.npz", "song.flac", "missing.npz")
    ]
    manifest = write_manifest(tmp_path / "files.csv", rows)
    assert ingested(manifest, output) == (3, 1, 0, 2)
    (row,) = table(output, "track_tags")
    assert row["track_id"] == records[0].track_id
    assert dict(row["metadata"]) == {"isrc": "DE-flac.flac", "label": "ours"}
    assert {row["track_id"]: row["error"] for row in table(output, "failures")} == {
        "song.flac": "not_spectrogram",
        "missing.npz": "not_found",
    }


def test_each_bad_track_fails_by_itself_and_a_retry_takes_it(
    records: list[SpectrogramRecord], output: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "in"
    good = records[0]
    of_other_front_end = replace(records[1], fingerprint="0" * 12)
    broken = replace(records[2], patches=np.full_like(records[2].patches, np.nan))
    write_shard(folder / "shard.parquet", [good, of_other_front_end, broken])
    whole = file_of(records[3], NPZ)
    (folder / "cut.npz").write_bytes(whole[:-500])
    (folder / "rubbish.parquet").write_bytes(bytes(1000))
    (folder / "empty.tfrecord").write_bytes(b"")

    assert ingested(folder, output) == (6, 1, 0, 5)
    failures = {Path(row["track_id"]).name: row for row in table(output, "failures")}
    words = {row["error"]: Path(row["spectrogram"]).name for row in failures.values()}
    assert words == {
        "frontend_mismatch": "shard.parquet",
        "non_finite": "shard.parquet",
        "unreadable_spectrogram": words["unreadable_spectrogram"],
        "empty": "empty.tfrecord",
    }
    assert ingested(folder, output) == (6, 0, 6, 0)

    (folder / "cut.npz").write_bytes(whole)
    write_shard(folder / "shard.parquet", [good, records[1], broken])
    assert tonearm("retry", output, "--all") == 0
    assert counts(output) == (5, 2, 0, 3)
    assert sorted(key[0] for key in keys(output)) == sorted(
        each.track_id for each in (good, records[1], records[3])
    )


def test_options_that_have_no_effect_are_refused(tmp_path: Path, output: Path) -> None:
    call = ("ingest", tmp_path, *AS_SPECTROGRAMS, "--output", output)
    assert tonearm(*call, "--max_track_bytes", "1000") == 2
    assert tonearm(*call, "--decoder", "ffmpeg-and-libsndfile") == 2
    assert tonearm("ingest", tmp_path, "--input_kind", "vinyl", "--output", output) == 2
