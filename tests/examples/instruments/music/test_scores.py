"""Pieces: how scores are read, and which are left out of training."""

from pathlib import Path

import pytest

from examples.instruments.music import scores
from examples.instruments.music.scores import Piece, ScoreNote


@pytest.mark.parametrize(
    ("name", "split"),
    [
        ("bwv10.7", "test"),
        ("bwv297", "test"),
        ("music007", "test"),
        ("bwv253", "validation"),
        ("bwv66.6", "train"),
        ("7thRegimentReel", "train"),
    ],
)
def test_pieces_whose_names_end_in_7_are_left_out(name: str, split: str) -> None:
    assert Piece(name, "public domain", ((ScoreNote(0, 1, 60),),)).split == split


def test_a_score_is_read_with_its_ties_joined_and_its_grace_notes_left_out(tmp_path: Path) -> None:
    tune = tmp_path / "tune.abc"
    tune.write_text("X:1\nT:Tune\nM:4/4\nL:1/4\nK:C\nC D {g}E F- | F G A B | c d e f |\n")
    (part,) = scores._written_parts(tune)
    assert [note.pitch for note in part] == [60, 62, 64, 65, 67, 69, 71, 72, 74, 76, 77]
    assert [(note.start, note.length) for note in part][:5] == [(0, 1), (1, 1), (2, 1), (3, 2), (5, 1)]
