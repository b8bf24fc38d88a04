"""Small pieces for tests: no score has to be read for them."""

from __future__ import annotations

from examples.instruments.music.scores import Piece, ScoreNote


def four_part_piece(name: str = "bwv1", quarters: int = 64) -> Piece:
    """Soprano to bass in quarter notes."""
    parts = tuple(
        tuple(ScoreNote(float(beat), 1.0, pitch + beat % 3) for beat in range(quarters))
        for pitch in (74, 67, 60, 48)
    )
    return Piece(name, "public domain", parts)


def melody(name: str = "reel", quarters: int = 40) -> Piece:
    """One part alone."""
    return Piece(
        name, "public domain", (tuple(ScoreNote(beat / 2, 0.5, 69) for beat in range(2 * quarters)),)
    )
