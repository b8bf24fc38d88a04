"""Data sets with damage anywhere in their tables: what is left can be read, or an error says why not."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.learning.public_datasets import trees
from tonearm.learning.labelled.reading import read_labelled
from tonearm.learning.labelled.track import LabelledTrack
from tonearm.learning.labelled.writing import write_labelled
from tonearm.learning.public_datasets.contract import PublicDatasetError
from tonearm.learning.public_datasets.registry import PUBLIC_DATASETS, read_public_dataset

MUTATIONS = 200
INSERTED = [
    b'"',
    b"\t",
    b",",
    b"\n",
    b"\0",
    b"*",
    b"[]",
    b"{}",
    b"\\ud800",
    b"null",
    b"1e999",
    b"=-",
    b";",
    b"\xff",
]
WITH_TABLES = ("magnatagatune", "mtg_jamendo", "fma", "openmic", "nsynth")


def mutated(content: bytes, chance: random.Random) -> bytes:
    """The content of a table with some bytes lost, added, doubled, or cut off."""
    damaged = bytearray(content)
    for _ in range(chance.randint(1, 4)):
        place = chance.randrange(len(damaged) + 1)
        match chance.randrange(8):
            case 0:
                del damaged[place:]
            case 1 | 2:
                del damaged[place : place + chance.randint(1, 40)]
            case 3:
                damaged[place:place] = damaged[max(0, place - 30) : place]
            case _:
                damaged[place:place] = chance.choice(INSERTED)
    return bytes(damaged)


def said(tracks: list[LabelledTrack]) -> list[tuple[object, ...]]:
    return [(t.track_id, t.uri, t.labels, t.group, t.split, t.licence, t.training_opt_in) for t in tracks]


@pytest.mark.parametrize("name", WITH_TABLES)
def test_damage_costs_rows_or_is_told(name: str, tmp_path: Path) -> None:
    root, manifest = tmp_path / "set", tmp_path / "labelled.csv"
    root.mkdir()
    trees.TREES[name](root)
    tables = sorted(path for path in root.rglob("*") if path.suffix in {".csv", ".tsv", ".json", ".txt"})
    chance = random.Random(name)
    for _ in range(MUTATIONS):
        table = chance.choice(tables)
        whole = table.read_bytes()
        table.write_bytes(mutated(whole, chance))
        try:
            imported = read_public_dataset(PUBLIC_DATASETS[name], root)
        except PublicDatasetError as error:
            assert str(root) in str(error)
        else:
            write_labelled(imported.tracks, str(manifest))
            rows = [row for row in read_labelled(str(manifest)) if isinstance(row, LabelledTrack)]
            assert said(rows) == said(imported.tracks)
        table.write_bytes(whole)
