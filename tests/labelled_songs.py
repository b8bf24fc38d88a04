"""Small labelled manifests with songs, for tests of what builds and trains."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.catalog import write_manifest, write_song
from tonearm.learning.datasets.reading import open_dataset, read_shard
from tonearm.learning.datasets.track import DatasetTrack
from tonearm.learning.labelled.track import Split

COLUMNS = ("track_id", "uri", "labels", "artist", "training_opt_in", "split", "licence", "year")


def song_row(number: int, **values: str) -> dict[str, str]:
    """A row that nothing is wrong with: of odd numbers a piano, of even ones drums."""
    whole = {
        "track_id": f"t{number}",
        "uri": f"{number}.flac",
        "labels": f"{'piano' if number % 2 else 'drums'}; *=-",
        "artist": f"a{number}",
        "training_opt_in": "true",
        "split": "train",
        "licence": "CC BY 4.0",
        "year": "1999",
    }
    return {**whole, **values}


def write_songs(folder: Path, count: int, *, seconds: float = 0.5) -> Path:
    """Write different songs, ``0.flac`` and so on, into a folder."""
    folder.mkdir(exist_ok=True)
    for number in range(count):
        write_song(folder / f"{number}.flac", seconds=seconds, from_hz=200.0 + 40 * number)
    return folder


def labelled_songs(folder: Path, *rows: Mapping[str, str]) -> Path:
    """A labelled manifest beside its songs."""
    return write_manifest(folder / "labelled.csv", rows, COLUMNS)


def built_tracks(dataset: Path | str, *splits: Split) -> dict[str, DatasetTrack]:
    """All tracks of a data set, or those of some splits, by id."""
    wanted = splits or tuple(Split)
    opened = open_dataset(str(dataset), wanted)
    tracks = [track for split in wanted for shard in opened.shards(split) for track in read_shard(shard)]
    assert len(tracks) == len({track.track_id for track in tracks})
    return {track.track_id: track for track in tracks}


def files_of(dataset: Path) -> dict[str, Any]:
    """Every file of a data set with its bytes, but for the folder that the manifest lay in."""
    found = {
        str(path.relative_to(dataset)): path.read_bytes() for path in dataset.rglob("*") if path.is_file()
    }
    described = found["dataset.json"].decode()
    found["dataset.json"] = "\n".join(
        line for line in described.splitlines() if '"folder"' not in line
    ).encode()
    return found
