"""Arrangements: who plays, where, and which labels follow."""

import numpy as np
import pytest

from examples.instruments.music.arrangement import CLIP_S, Arrangement, PlayedNote, Voice
from examples.instruments.music.arranging import draw_arrangement
from examples.instruments.music.programs import DRUMS, INSTRUMENTS, LABELS
from examples.instruments.music.scores import Piece
from tests.examples.instruments.pieces import four_part_piece, melody

PROGRAMS = {instrument.label: instrument.programs for instrument in INSTRUMENTS}


def _draw(piece: Piece, seed: int, polyphony: int = 3, with_drums: bool = False) -> Arrangement:
    return draw_arrangement(
        piece,
        np.random.default_rng(seed),
        polyphony=polyphony,
        with_drums=with_drums,
        programs=PROGRAMS,
        varied_timbre=True,
    )


def _voice(*notes: tuple[float, float]) -> Voice:
    played = tuple(PlayedNote(start_s, length_s, 60, 80) for start_s, length_s in notes)
    return Voice("piano", 0, played, volume=100, pan=64, reverb=0, chorus=0)


def test_the_same_seed_draws_the_same_arrangement() -> None:
    assert _draw(four_part_piece(), 5, with_drums=True) == _draw(four_part_piece(), 5, with_drums=True)
    assert _draw(four_part_piece(), 5) != _draw(four_part_piece(), 6)


@pytest.mark.parametrize("piece", [four_part_piece(), melody()], ids=["parts", "melody"])
@pytest.mark.parametrize("polyphony", [1, 2, 3, 4])
def test_as_many_instruments_play_as_were_asked_for(piece: Piece, polyphony: int) -> None:
    for seed in range(20):
        voices = _draw(piece, seed, polyphony, with_drums=True).voices
        labels = [voice.label for voice in voices]
        assert len(set(labels)) == polyphony + 1
        assert labels[-1] == DRUMS and set(labels) <= set(LABELS)


def test_instruments_play_where_they_can_with_programs_of_their_own() -> None:
    by_label = {instrument.label: instrument for instrument in INSTRUMENTS}
    for seed in range(30):
        for voice in _draw(four_part_piece(), seed, polyphony=4).voices:
            instrument = by_label[voice.label]
            assert voice.program in instrument.programs
            assert all(instrument.lowest <= note.pitch <= instrument.highest for note in voice.notes)
            assert all(0 <= note.start_s < CLIP_S and note.length_s > 0 for note in voice.notes)


@pytest.mark.parametrize(
    ("notes", "holds"),
    [
        ([(0.0, 1.0)], True),
        ([(0.0, 0.9)], False),
        ([(0.0, 0.6), (0.3, 0.6)], False),  # together 0.9 s: what sounds twice counts once
        ([(0.0, 0.6), (3.0, 0.6)], True),
        ([(7.2, 5.0)], False),  # what sounds after the clip's end does not count
        ([], False),
    ],
)
def test_a_label_holds_from_a_second_of_sound_on(notes: list[tuple[float, float]], holds: bool) -> None:
    arrangement = Arrangement("bwv1", (_voice(*notes),), room=0.5, damping=0.5)
    assert arrangement.labels == (("piano",) if holds else ())
