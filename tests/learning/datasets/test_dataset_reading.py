"""A data set that is read: track by track, the splits that are asked for, and no damage unseen."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.catalog import query
from tests.learning.datasets.small_dataset import SMALL_FRONT_END, noise_track, write_small_dataset
from tonearm.learning.datasets.description import description_bytes, with_digest
from tonearm.learning.datasets.reading import open_dataset, read_shard, require_unchanged
from tonearm.learning.datasets.track import DatasetError
from tonearm.learning.labelled.track import Split

LABELS = ("bass", "drums")


def write(folder: Path) -> Path:
    """Three tracks in two shards to train on, and one to test with."""
    train = [
        [noise_track(0, (1, 0)), noise_track(1, (-1, 1), patches=3, metadata={"mood": "sad"})],
        [noise_track(2, (0, 0))],
    ]
    return write_small_dataset(folder, {Split.TRAIN: train, Split.TEST: [[noise_track(3, (1, 1))]]}, LABELS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "set")


def test_what_was_written_is_read(folder: Path) -> None:
    dataset = open_dataset(str(folder), [Split.TRAIN])
    assert (dataset.labels, dataset.front_end) == (LABELS, SMALL_FRONT_END)
    first, second = (list(read_shard(shard)) for shard in dataset.shards(Split.TRAIN))
    assert [track.track_id for track in (*first, *second)] == ["t0", "t1", "t2"]
    written, track = noise_track(1, (-1, 1), patches=3), first[1]
    for name in ("patches", "starts_s", "labels"):
        read, expected = getattr(track, name), getattr(written, name)
        assert read.dtype == expected.dtype
        assert np.array_equal(read, expected)
    assert (track.group, track.licence, track.manifest, track.manifest_row) == (
        "g1",
        "CC0",
        "labelled.csv",
        2,
    )
    assert (track.uri, track.metadata) == ("/music/1.flac", {"mood": "sad"})


def test_the_same_content_has_the_same_digest_wherever_it_lies(folder: Path, tmp_path: Path) -> None:
    other = write(tmp_path / "other")
    told = [json.loads((each / "dataset.json").read_text()) for each in (folder, other)]
    assert told[0] == told[1]
    assert sorted(each.name for each in folder.glob("*/*")) == sorted(each.name for each in other.glob("*/*"))


def test_other_programs_read_the_shards(folder: Path) -> None:
    asked = "select track_id, list_sum(patches) as total from '{output}/train/*.parquet' order by track_id"
    totals = {row["track_id"]: row["total"] for row in query(asked, folder)}
    assert totals["t2"] == pytest.approx(noise_track(2, (0, 0)).patches.sum(), rel=1e-5)
    assert list(totals) == ["t0", "t1", "t2"]


def test_a_split_that_is_not_asked_for_need_not_be_there(folder: Path) -> None:
    before = open_dataset(str(folder), [Split.TRAIN, Split.TEST])
    shutil.rmtree(folder / "test")
    after = open_dataset(str(folder), [Split.TRAIN])
    assert (after.digest, after.shards(Split.TRAIN)) == (before.digest, before.shards(Split.TRAIN))
    with pytest.raises(ValueError, match="not opened for test"):
        after.shards(Split.TEST)
    with pytest.raises(DatasetError, match="is missing"):
        open_dataset(str(folder), [Split.TEST])


def shard_of(folder: Path) -> Path:
    return next((folder / "test").iterdir())


def cut(folder: Path) -> None:
    shard_of(folder).write_bytes(shard_of(folder).read_bytes()[:-1])


def change_the_labels(folder: Path) -> None:
    place = folder / "dataset.json"
    place.write_text(place.read_text().replace("drums", "chant"))


def cut_the_description(folder: Path) -> None:
    place = folder / "dataset.json"
    place.write_bytes(place.read_bytes()[:-9])


def make_it_of_a_later_format(folder: Path) -> None:
    place = folder / "dataset.json"
    place.write_text(place.read_text().replace('"format": 1', '"format": 2'))


def described_again(folder: Path, change: Callable[[dict[str, Any]], object]) -> None:
    """Change a description, and make a digest for it as whoever edits it by a program may do."""
    place = folder / "dataset.json"
    told = json.loads(place.read_text())
    change(told)
    place.write_bytes(description_bytes(with_digest({**told, "digest": ""})))


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told.pop("front_end"),
        lambda told: told.pop("origin"),
        lambda told: told.update(labels="bd"),
        lambda told: told["shards"].append(3),
        lambda told: told["shards"][0].update(split="dev"),
        lambda told: told["front_end"]["settings"].update(hop_length=128),
    ],
)
def test_a_description_that_lacks_something_is_told(
    folder: Path, change: Callable[[dict[str, Any]], object]
) -> None:
    described_again(folder, change)
    with pytest.raises(DatasetError, match="describes no data set"):
        open_dataset(str(folder), [Split.TEST])


def test_a_shard_of_other_labels_is_not_read(folder: Path) -> None:
    described_again(folder, lambda told: told.update(labels=["drums", "bass"]))
    (shard,) = open_dataset(str(folder), [Split.TEST]).shards(Split.TEST)
    with pytest.raises(DatasetError, match="is of another data set"):
        list(read_shard(shard))


def test_any_changed_byte_of_a_shard_is_found(folder: Path) -> None:
    (shard,) = open_dataset(str(folder), [Split.TEST]).shards(Split.TEST)
    require_unchanged(shard.location, shard.entry)
    content = shard_of(folder).read_bytes()
    for index in (0, len(content) // 2, len(content) - 1):
        shard_of(folder).write_bytes(content[:index] + bytes([content[index] ^ 1]) + content[index + 1 :])
        with pytest.raises(DatasetError, match="is damaged or another file"):
            require_unchanged(shard.location, shard.entry)


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (cut, "it is cut or was changed"),
        (change_the_labels, "its digest is another"),
        (cut_the_description, "is cut, or describes no data set"),
        (make_it_of_a_later_format, "has format 2; this Tonearm reads up to 1"),
        (lambda folder: (folder / "dataset.json").unlink(), "holds no data set"),
        (shutil.rmtree, "holds no data set"),
    ],
)
def test_damage_is_told_when_it_is_opened(folder: Path, damage: Callable[[Path], None], told: str) -> None:
    damage(folder)
    with pytest.raises(DatasetError, match=told):
        open_dataset(str(folder), [Split.TEST])


def test_no_changed_byte_of_a_shard_is_read_as_patches(folder: Path) -> None:
    content, place = shard_of(folder).read_bytes(), shard_of(folder)
    (written,) = read_shard(open_dataset(str(folder), [Split.TEST]).shards(Split.TEST)[0])
    for index in range(4, len(content), 97):
        place.write_bytes(content[:index] + bytes([content[index] ^ 255]) + content[index + 1 :])
        try:
            tracks = list(read_shard(open_dataset(str(folder), [Split.TEST]).shards(Split.TEST)[0]))
        except DatasetError:
            continue
        assert all(np.array_equal(track.patches, written.patches) for track in tracks)
