"""The eleven labels, and the General MIDI programs that sound as each of them."""

from __future__ import annotations

from dataclasses import dataclass

DRUMS = "drums"
"""What plays on MIDI channel 10; it has keys instead of a program."""


@dataclass(frozen=True, slots=True)
class Instrument:
    """A label that is played at pitches.

    Attributes:
        label: Its name in manifests and bundles.
        programs: General MIDI programs, counted from 0.
        lowest: The lowest MIDI pitch that parts are moved to.
        highest: The highest one.
        chordal: Whether one player plays several notes at once.
    """

    label: str
    programs: tuple[int, ...]
    lowest: int
    highest: int
    chordal: bool


INSTRUMENTS = (
    Instrument("piano", (0, 1, 2), 36, 96, chordal=True),
    Instrument("mallet", (9, 11, 12, 13), 53, 96, chordal=True),
    Instrument("organ", (16, 17, 19, 20), 36, 91, chordal=True),
    Instrument("guitar", (24, 25, 26, 27), 40, 83, chordal=True),
    Instrument("bass", (32, 33, 34, 35), 28, 55, chordal=False),
    Instrument("strings", (40, 41, 42, 48, 49), 36, 93, chordal=True),
    Instrument("choir", (52, 53), 43, 79, chordal=True),
    Instrument("brass", (56, 57, 60, 61), 40, 82, chordal=True),
    Instrument("reed", (64, 65, 66, 68, 71), 44, 86, chordal=False),
    Instrument("flute", (72, 73, 74), 60, 98, chordal=False),
)
"""Those that play at pitches, in the order of their programs."""

LABELS = tuple(sorted([*(instrument.label for instrument in INSTRUMENTS), DRUMS]))
"""All eleven, sorted as in a vocabulary."""
