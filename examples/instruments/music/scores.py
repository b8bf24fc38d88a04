"""Pieces of music, read from the scores that packages hold."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

Split = Literal["train", "validation", "test"]

_MIDI_FOLDERS = {
    Path("/usr/share/games/openttd/baseset/openmsx"): "GPL-2.0",
    Path("/usr/share/planetblupi/music"): "GPL-3.0-or-later",
}
_RYAN_STEP = 4
"""Every fourth of Ryan's 1,059 tunes: reading all would take a minute, and each is one melody."""
_DRUM_CHANNEL = 10
"""As music21 counts channels, from 1."""
_TEST_ENDING, _VALIDATION_ENDING = "7", "3"
_FEWEST_NOTES = 12
"""Of a part that is used: fewer are an ornament, and leave clips empty."""


class ScoresError(RuntimeError):
    """There are no scores to be read; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class ScoreNote:
    """A note as it is written.

    Attributes:
        start: When it begins, in quarter notes from the beginning of the piece.
        length: How long it lasts, in quarter notes.
        pitch: MIDI key; on the drums' channel the drum.
    """

    start: float
    length: float
    pitch: int


@dataclass(frozen=True, slots=True)
class Piece:
    """A score, cut down to what arrangements need.

    Attributes:
        name: The file's name without its ending. What must not stand on both sides of a split.
        licence: Under which terms the notes may be used.
        parts: The written parts, each sorted by start.
        drums: The part on the drums' channel; empty in most pieces.
    """

    name: str
    licence: str
    parts: tuple[tuple[ScoreNote, ...], ...]
    drums: tuple[ScoreNote, ...] = ()

    @property
    def length(self) -> float:
        """Quarter notes until the last note ends."""
        return max(note.start + note.length for part in self.parts for note in part)

    @property
    def split(self) -> Split:
        """Which part of the data set holds the piece, by the last character of its name."""
        if self.name.endswith(_TEST_ENDING):
            return "test"
        return "validation" if self.name.endswith(_VALIDATION_ENDING) else "train"


def read_pieces() -> list[Piece]:
    """All pieces, sorted by name.

    Bach's chorales and Ryan's Mammoth Collection come with music21 and are in the public domain. Palestrina's
    masses, which it also holds, are left out: their edition's rights are reserved.

    Raises:
        ScoresError: If music21's corpus has no such scores.
    """
    from music21 import common

    corpus = Path(common.getCorpusFilePath())
    files = [
        *((path, "public domain") for path in corpus.glob("bach/*.mxl")),
        *((path, "public domain") for path in sorted(corpus.glob("ryansMammoth/*.abc"))[::_RYAN_STEP]),
        *((path, terms) for folder, terms in _MIDI_FOLDERS.items() for path in folder.glob("*.mid")),
    ]
    pieces = [piece for path, licence in sorted(files) if (piece := _read(path, licence)) is not None]
    if not pieces:
        raise ScoresError(f"no scores below {corpus}: install the Python extra `example`")
    return sorted(pieces, key=lambda piece: piece.name)


def _read(path: Path, licence: str) -> Piece | None:
    parts, drums = _midi_parts(path) if path.suffix == ".mid" else (_written_parts(path), ())
    parts = [part for part in parts if len(part) >= _FEWEST_NOTES]
    return Piece(path.stem, licence, tuple(parts), drums) if parts else None


def _written_parts(path: Path) -> list[tuple[ScoreNote, ...]]:
    from music21 import converter

    score: Any = converter.parse(path, forceSource=True)
    return [_in_order(_written_notes(part)) for part in score.parts]


def _written_notes(part: Any) -> Iterator[ScoreNote]:
    """Notes and those of chords, tied ones joined."""
    tied: dict[int, ScoreNote] = {}
    for element in part.flatten().notes:
        if element.quarterLength == 0 or not hasattr(element, "pitches"):
            continue  # grace notes have no length, chord symbols no notes
        start, length = float(element.offset), float(element.quarterLength)
        tie = element.tie.type if element.tie is not None else None
        for pitch in element.pitches:
            before = tied.pop(pitch.midi, None) if tie in {"continue", "stop"} else None
            first = start if before is None else before.start
            note = ScoreNote(first, start + length - first, pitch.midi)
            if tie in {"start", "continue"}:
                tied[pitch.midi] = note
            else:
                yield note
    yield from tied.values()


def _midi_parts(path: Path) -> tuple[list[tuple[ScoreNote, ...]], tuple[ScoreNote, ...]]:
    """A part for each channel but the drums', and the drums'."""
    from music21 import midi

    file = midi.MidiFile()
    file.open(path)
    file.read()
    file.close()
    notes_by_channel: dict[int, list[ScoreNote]] = {}
    for track in file.tracks:
        for channel, note in _midi_notes(track.events, file.ticksPerQuarterNote):
            notes_by_channel.setdefault(channel, []).append(note)
    drums = _in_order(notes_by_channel.pop(_DRUM_CHANNEL, []))
    return [_in_order(notes) for _, notes in sorted(notes_by_channel.items())], drums


def _midi_notes(events: list[Any], ticks_per_quarter: int) -> Iterator[tuple[int, ScoreNote]]:
    """Channels, counted from 1, with notes; music21 has the times between events as events of their own."""
    ticks = 0
    begun: dict[tuple[int, int], int] = {}
    for event in events:
        if event.isDeltaTime():
            ticks += event.time
        elif event.isNoteOn():
            begun.setdefault((event.channel, event.pitch), ticks)
        elif event.isNoteOff():
            start = begun.pop((event.channel, event.pitch), ticks)
            if ticks > start:
                quarter = float(ticks_per_quarter)
                yield event.channel, ScoreNote(start / quarter, (ticks - start) / quarter, event.pitch)


def _in_order(notes: Iterable[ScoreNote]) -> tuple[ScoreNote, ...]:
    return tuple(sorted(notes, key=lambda note: (note.start, note.pitch, note.length)))
