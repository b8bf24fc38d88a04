"""A thousand damaged files: each track is tagged as it was or is one failure, and none is lost."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from tests.catalog import counts, scores, table, tonearm, write_song
from tests.pipelines.test_spectrogram_input import AS_SPECTROGRAMS
from tests.spectrogram_files import NPZ, PARQUET, TFRECORD, file_of, record_of_audio, write_shard

pytestmark = pytest.mark.slow

CASES = 1000
MOST_GROWTH_BYTES = 1 << 30


def flip(content: bytearray, dice: random.Random) -> None:
    content[dice.randrange(len(content))] ^= 1 << dice.randrange(8)


def scatter(content: bytearray, dice: random.Random) -> None:
    for _ in range(dice.randrange(1, 50)):
        content[dice.randrange(len(content))] = dice.randrange(256)


def cut(content: bytearray, dice: random.Random) -> None:
    del content[dice.randrange(len(content)) :]


def hole(content: bytearray, dice: random.Random) -> None:
    begin = dice.randrange(len(content))
    end = min(len(content), begin + dice.randrange(1, 5000))
    content[begin:end] = bytes(end - begin)


def scatter_at_end(content: bytearray, dice: random.Random) -> None:
    """Where Parquet and zip say what is in the file, and where."""
    for _ in range(dice.randrange(1, 8)):
        content[-dice.randrange(1, min(len(content), 12_000))] = dice.randrange(256)


DAMAGES: tuple[Callable[[bytearray, random.Random], None], ...] = (flip, scatter, cut, hole, scatter_at_end)


def test_a_thousand_damaged_files(output: Path, tmp_path: Path) -> None:
    songs = [write_song(tmp_path / f"{hz}.flac", from_hz=hz) for hz in (200.0, 300.0)]
    records = [record_of_audio(song, track_id=song.stem) for song in songs]
    write_shard(tmp_path / "whole" / "whole.parquet", records)
    assert tonearm("ingest", tmp_path / "whole", *AS_SPECTROGRAMS, "--output", tmp_path / "expected") == 0
    expected = [scores(tmp_path / "expected")[record.track_id] for record in records]
    dice = random.Random(20261128)
    (folder := tmp_path / "in").mkdir()
    ids: dict[str, list[str]] = {}
    for number in range(CASES):
        form = (PARQUET, PARQUET, NPZ, TFRECORD)[number % 4]
        path = folder / f"{number:04d}{form.ending}"
        own = [replace(record, track_id=f"{number}/{place}") for place, record in enumerate(records)]
        ids[path.name] = [record.track_id for record in (own if form is PARQUET else own[:1])]
        write_shard(path, own) if form is PARQUET else path.write_bytes(file_of(own[0], form))
        content = bytearray(path.read_bytes())
        DAMAGES[number % len(DAMAGES)](content, dice)
        path.write_bytes(content)
    before = psutil.Process().memory_info().rss

    assert tonearm("ingest", folder, *AS_SPECTROGRAMS, "--output", output) == 0
    seen, tagged, skipped, failed = counts(output)
    assert (seen, skipped) == (tagged + failed, 0)
    assert psutil.Process().memory_info().rss - before < MOST_GROWTH_BYTES
    found = scores(output)
    for track_id, values in found.items():
        assert values == pytest.approx(expected[int(track_id[-1])], abs=1e-6)
    failures = Counter(Path(row["spectrogram"]).name for row in table(output, "failures"))
    assert failures.total() == failed > CASES / 2
    assert len(found) == tagged > CASES / 10
    for name, own in ids.items():
        outcomes = len(found.keys() & set(own)) + failures[name]
        assert outcomes == len(own) or (outcomes == failures[name] == 1), name
