"""Draws arrangements: which instruments play which parts of a piece, how, and where it begins."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from examples.instruments.music.arrangement import CLIP_S, Arrangement, PlayedNote, Timbre, Voice
from examples.instruments.music.drum_patterns import HIT_QUARTERS, draw_drums
from examples.instruments.music.programs import DRUMS, INSTRUMENTS, Instrument
from examples.instruments.music.scores import Piece, ScoreNote

_QUARTER_S = (0.35, 0.9)
_TRANSPOSITION = 6
_CHORD_CHANCE = 0.35
_DRUM_PIECE_CHANCE = 0.8
_ENTRY_CHANCE = 0.15
_MUTED_S = 5.0
_OWN_SOUND_CHANCE = 0.7
_FEWEST_SOUNDING_S = 1.5
_TRIES = 20

Programs = Mapping[str, tuple[int, ...]]
"""Labels, and the programs that a font can play of each."""


def draw_arrangement(
    piece: Piece,
    generator: np.random.Generator,
    *,
    polyphony: int,
    with_drums: bool,
    programs: Programs,
    varied_timbre: bool = False,
) -> Arrangement:
    """Draw one clip of a piece.

    Args:
        piece: What is played.
        generator: What draws; the same one gives the same clip.
        polyphony: How many instruments that play at pitches, each of another label.
        with_drums: Whether drums play along.
        programs: What the font can play.
        varied_timbre: Whether sounds are changed at random, see `Timbre`.
    """
    quarter_s = float(np.exp(generator.uniform(*np.log(_QUARTER_S))))
    parts = _excerpt(piece, generator, quarter_s)
    transposition = int(generator.integers(-_TRANSPOSITION, _TRANSPOSITION + 1))
    playable = [instrument for instrument in INSTRUMENTS if programs.get(instrument.label)]
    chosen = generator.choice(len(playable), size=polyphony, replace=False)
    lines = _share_out(parts, [playable[index] for index in chosen], generator)
    voices = [
        _draw_voice(
            instrument.label,
            int(generator.choice(programs[instrument.label])),
            _play(_into_range(line, instrument, transposition), generator, quarter_s),
            generator,
            varied_timbre,
        )
        for instrument, line in lines
    ]
    if with_drums:
        hits = _drum_part(piece, generator, quarter_s)
        voices.append(_draw_voice(DRUMS, 0, _play(hits, generator, quarter_s), generator, varied_timbre))
    return Arrangement(
        piece.name, tuple(voices), room=float(generator.random()), damping=float(generator.random())
    )


def _excerpt(piece: Piece, generator: np.random.Generator, quarter_s: float) -> list[list[ScoreNote]]:
    """Parts that sound in eight seconds from a random quarter note on; times count from there."""
    quarters = CLIP_S / quarter_s
    for _ in range(_TRIES):
        begin = float(np.floor(generator.uniform(0, max(1.0, piece.length - quarters + 1))))
        parts = [cut for part in piece.parts if (cut := _cut(part, begin, quarters))]
        sounding = [
            part for part in parts if sum(note.length for note in part) * quarter_s >= _FEWEST_SOUNDING_S
        ]
        if sounding:
            return sounding
    return [list(part) for part in piece.parts]


def _cut(part: Iterable[ScoreNote], begin: float, quarters: float) -> list[ScoreNote]:
    return [
        ScoreNote(
            max(note.start - begin, 0.0), min(note.length, note.start + note.length - begin), note.pitch
        )
        for note in part
        if note.start + note.length > begin and note.start < begin + quarters
    ]


def _share_out(
    parts: list[list[ScoreNote]], players: list[Instrument], generator: np.random.Generator
) -> list[tuple[Instrument, list[ScoreNote]]]:
    """Give each player a part; some that can play chords take several. Missing parts are doubled or held."""
    order = [parts[index] for index in generator.permutation(len(parts))]
    lines = []
    for number, player in enumerate(players):
        line = order[number % len(order)]
        if number >= len(order) and generator.random() < 0.5:
            line = _held(line, generator)
        if player.chordal and generator.random() < _CHORD_CHANCE:
            line = _chords(line, order, generator)
        lines.append((player, line))
    return lines


def _held(line: list[ScoreNote], generator: np.random.Generator) -> list[ScoreNote]:
    """A slower line below or above: what sounds at every second quarter note, held until the next."""
    step = float(generator.choice([1.0, 2.0, 4.0]))
    interval = int(generator.choice([-12, -5, 0, 4, 7]))
    first_by_step: dict[int, ScoreNote] = {}
    for note in line:
        first_by_step.setdefault(int(note.start // step), note)
    return [
        ScoreNote(index * step, step, note.pitch + interval) for index, note in sorted(first_by_step.items())
    ]


def _chords(
    line: list[ScoreNote], parts: list[list[ScoreNote]], generator: np.random.Generator
) -> list[ScoreNote]:
    """All parts at once where there are several, else a triad on each note."""
    if len(parts) > 1:
        count = min(len(parts), int(generator.integers(2, 5)))
        chosen = generator.choice(len(parts), size=count, replace=False)
        return sorted((note for index in chosen for note in parts[index]), key=lambda note: note.start)
    intervals = (0, 3, 7) if generator.random() < 0.5 else (0, 4, 7)
    return [
        ScoreNote(note.start, note.length, note.pitch + interval) for note in line for interval in intervals
    ]


def _into_range(line: list[ScoreNote], instrument: Instrument, transposition: int) -> list[ScoreNote]:
    """Move a line by octaves to where the instrument plays, and what still lies beyond note by note."""
    middle = float(np.median([note.pitch for note in line])) + transposition
    centre = (instrument.lowest + instrument.highest) / 2
    shift = transposition
    while abs(middle + 12 - centre) < abs(middle - centre) and middle < instrument.lowest + 6:
        middle, shift = middle + 12, shift + 12
    while abs(middle - 12 - centre) < abs(middle - centre) and middle > instrument.highest - 6:
        middle, shift = middle - 12, shift - 12
    moved = []
    for note in line:
        pitch = note.pitch + shift
        pitch += 12 * max(0, -((pitch - instrument.lowest) // 12))
        pitch -= 12 * max(0, -((instrument.highest - pitch) // 12))
        moved.append(ScoreNote(note.start, note.length, pitch))
    return moved


def _drum_part(piece: Piece, generator: np.random.Generator, quarter_s: float) -> list[ScoreNote]:
    """The piece's own drums where it has any, more often than not; else a pattern."""
    quarters = CLIP_S / quarter_s
    if piece.drums and generator.random() < _DRUM_PIECE_CHANCE:
        begin = float(np.floor(generator.uniform(0, max(1.0, piece.drums[-1].start - quarters))))
        hits = [ScoreNote(hit.start, HIT_QUARTERS, hit.pitch) for hit in _cut(piece.drums, begin, quarters)]
        if len(hits) >= quarters:
            return hits
    return list(draw_drums(generator, quarters))


def _play(line: list[ScoreNote], generator: np.random.Generator, quarter_s: float) -> tuple[PlayedNote, ...]:
    """A line as one plays it: louder and softer, shorter or longer than written, never quite in time."""
    velocity = generator.uniform(64, 112)
    articulation = generator.uniform(0.6, 1.05)
    looseness_s = generator.uniform(0, 0.02)
    first_s, last_s = 0.0, CLIP_S
    if generator.random() < _ENTRY_CHANCE:  # enters late, or leaves early
        pause_s = generator.uniform(0, _MUTED_S)
        first_s, last_s = (pause_s, CLIP_S) if generator.random() < 0.5 else (0.0, CLIP_S - pause_s)
    notes = []
    for note in line:
        start_s = max(0.0, note.start * quarter_s + generator.normal(0, looseness_s))
        length_s = max(0.05, note.length * quarter_s * articulation)
        if first_s <= start_s < last_s:
            loudness = int(np.clip(velocity + generator.normal(0, 8), 20, 127))
            notes.append(PlayedNote(start_s, length_s, note.pitch, loudness))
    return tuple(sorted(notes, key=lambda note: note.start_s))


def _draw_voice(
    label: str,
    program: int,
    notes: tuple[PlayedNote, ...],
    generator: np.random.Generator,
    varied_timbre: bool,
) -> Voice:
    return Voice(
        label,
        program,
        notes,
        volume=int(generator.integers(72, 128)),
        pan=int(generator.integers(0, 128)),
        reverb=int(generator.integers(0, 100)),
        chorus=int(generator.integers(0, 60)) if generator.random() < 0.5 else 0,
        timbre=_draw_timbre(generator, label) if varied_timbre else Timbre(),
    )


def _draw_timbre(generator: np.random.Generator, label: str) -> Timbre:
    if generator.random() < _OWN_SOUND_CHANCE:
        return Timbre()
    return Timbre(
        cutoff_cents=float(generator.uniform(-3000, 900)),
        resonance_cb=float(generator.uniform(0, 80)) if generator.random() < 0.4 else 0.0,
        attack_timecents=float(generator.uniform(-1200, 1200)),
        decay_timecents=float(generator.uniform(-1800, 1800)),
        release_timecents=float(generator.uniform(-1200, 1200)),
        zone_semitones=0 if label == DRUMS else int(generator.integers(-7, 8)),
        tuning_cents=float(generator.normal(0, 12))
        if label != DRUMS
        else float(generator.uniform(-300, 300)),
        vibrato_cents=float(generator.uniform(0, 25)) if generator.random() < 0.25 else 0.0,
    )
