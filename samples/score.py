"""Read a text score and write it as MIDI.

A score is a header of `key: value` lines and one block of notes for each part::

    title: Two bars for a piano
    composer: Nobody
    year: 1900
    rights: CC0
    metre: 3/4
    tempo: 90

    part piano program=0 velocity=80
    c4/4 e4 g4 | ( b3+d4/8 g4 )x2 r/4 |

- `c4/4` is a quarter note on middle C, `f#4/8.` a dotted eighth on the F sharp above it, `bb3/12` an eighth
  triplet on the B flat below, `r/2` a rest. A length holds until the next one.
- `c4+e4+g4` is a chord. `c4/2~ c4/8` ties two notes into one.
- `( … )x2` plays a passage twice. `v90` sets the velocity from there on.
- `|` claims that a bar ends here; a claim that does not hold is an error, so that a slip shows at once.
- In a part with `drums=KIT` the notes are the names in `DRUMS`.

`tempo` counts quarter notes a minute. `pickup: 1/8` starts with an incomplete bar of that length. `human: 8`
moves each note by up to 8 ms and its velocity by up to 6, always in the same way for the same score.
`drive: 2` pushes the mix that hard into a soft limiter, for music that is meant to be loud.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path

import mido

TICKS_PER_WHOLE = 4 * 480
DRUM_CHANNEL = 9
PITCH_CLASSES = {"c": 0, "d": 2, "e": 4, "f": 5, "g": 7, "a": 9, "b": 11}
ACCIDENTALS = {"": 0, "#": 1, "b": -1}
DRUMS = {"bd": 36, "sn": 38, "cp": 39, "hh": 42, "oh": 46, "t1": 48, "t2": 45, "cr": 49}

_PITCH = re.compile(r"([a-g])([#b]?)(\d)")
_NOTE = re.compile(r"([^/~]+)(?:/(\d+)(\.?))?(~?)")


class ScoreError(ValueError):
    """A score that cannot be read: says the file, the line and the word."""


@dataclass(frozen=True)
class Note:
    """One sounding note; `start` and `length` are in whole notes."""

    start: Fraction
    length: Fraction
    pitch: int
    velocity: int


@dataclass(frozen=True)
class Part:
    """One instrument's line.

    Attributes:
        program: General MIDI program, from 0; for drums, the kit.
        drums: Whether the part goes to the drum channel.
        velocity: Velocity of the notes before the first `vNN`, 1 to 127.
        pan: 0 (left) to 127 (right).
        reverb: How much of the part goes to the reverb, 0 to 127.
        gate: The share of its length that a note sounds.
        ring: Where set, each note sounds on to the end of its stretch of this length, as under a pedal.

    """

    name: str
    program: int = 0
    drums: bool = False
    velocity: int = 96
    pan: int = 64
    reverb: int = 40
    gate: float = 1.0
    ring: Fraction | None = None
    notes: list[Note] = field(default_factory=list)


@dataclass(frozen=True)
class Score:
    """A whole piece; `pickup` and `bar` are in whole notes, `drive` is 0 for a mix left as it is."""

    title: str
    composer: str
    year: str
    rights: str
    tempo: float
    bar: Fraction
    pickup: Fraction
    human_ms: float
    drive: float
    parts: list[Part]


def read_score(path: Path) -> Score:
    """Read a text score.

    Raises:
        ScoreError: On an unknown note, a bar of the wrong length, or parts that do not end together.

    """
    lines = [line.partition("# ")[0].strip() for line in path.read_text(encoding="utf-8").splitlines()]
    blocks = [number for number, line in enumerate(lines) if line.startswith("part ")]
    header = dict(re.split(r":\s*", line, maxsplit=1) for line in lines[: blocks[0]] if line)
    bar, pickup = Fraction(header["metre"]), Fraction(header.get("pickup", "0"))

    parts, ends = [], set()
    for first, last in zip(blocks, [*blocks[1:], len(lines)], strict=True):
        part = _read_part_line(lines[first])
        words = [
            (f"{path.name}:{number + 1}: {word}", word)
            for number in range(first + 1, last)
            for word in lines[number].split()
        ]
        ends.add(_read_notes(part, words, bar=bar, pickup=pickup))
        parts.append(part)
    if len(ends) != 1:
        raise ScoreError(f"{path.name}: the parts end apart, after {sorted(map(str, ends))} whole notes")
    return Score(
        title=header["title"],
        composer=header["composer"],
        year=header["year"],
        rights=header["rights"],
        tempo=float(header["tempo"]),
        bar=bar,
        pickup=pickup,
        human_ms=float(header.get("human", "0")),
        drive=float(header.get("drive", "0")),
        parts=parts,
    )


def _read_part_line(line: str) -> Part:
    _, name, *options = line.split()
    values = dict(option.split("=", 1) for option in options)
    return Part(
        name=name,
        program=int(values.get("drums", values.get("program", 0))),
        drums="drums" in values,
        velocity=int(values.get("velocity", Part.velocity)),
        pan=int(values.get("pan", Part.pan)),
        reverb=int(values.get("reverb", Part.reverb)),
        gate=float(values.get("gate", Part.gate)),
        ring=Fraction(values["ring"]) if "ring" in values else None,
    )


def _unroll(words: list[tuple[str, str]]) -> list[tuple[str, str]]:
    """Write the repeats out."""
    stack: list[list[tuple[str, str]]] = [[]]
    for place, word in words:
        if word == "(":
            stack.append([])
        elif word.startswith(")x"):
            passage = stack.pop()
            if not stack:
                raise ScoreError(f"{place}: nothing was opened")
            stack[-1].extend(passage * int(word[2:]))
        else:
            stack[-1].append((place, word))
    if len(stack) != 1:
        raise ScoreError(f"{words[-1][0]}: a repeat is left open")
    return stack[0]


def _read_notes(part: Part, words: list[tuple[str, str]], *, bar: Fraction, pickup: Fraction) -> Fraction:
    """Fill `part.notes`; return where the part ends, in whole notes."""
    now, length, velocity, tied = Fraction(0), Fraction(1, 4), part.velocity, False
    for place, word in _unroll(words):
        if word == "|":
            if (now - pickup) % bar:
                raise ScoreError(f"{place}: the bar is off by {(now - pickup) % bar} whole notes")
            continue
        if loudness := re.fullmatch(r"v(\d+)", word):
            velocity = int(loudness[1])
            continue
        if not (match := _NOTE.fullmatch(word)):
            raise ScoreError(f"{place}: not a note")
        names, unit, dot, tie = match.groups()
        if unit:
            length = Fraction(3 if dot else 2, 2 * int(unit))
        pitches = [] if names == "r" else [_pitch(name, place, part.drums) for name in names.split("+")]
        for pitch in pitches:
            start, sounding = now, length
            if tied:
                held = _take_held(part.notes, pitch, now, place)
                start, sounding = held.start, held.length + length
            part.notes.append(Note(start, sounding, pitch, velocity))
        now += length
        tied = bool(tie)
    return now


def _pitch(name: str, place: str, drums: bool) -> int:
    if drums and name in DRUMS:
        return DRUMS[name]
    if drums or not (match := _PITCH.fullmatch(name)):
        raise ScoreError(f"{place}: no such {'drum' if drums else 'pitch'} as {name!r}")
    letter, accidental, octave = match.groups()
    return 12 * (int(octave) + 1) + PITCH_CLASSES[letter] + ACCIDENTALS[accidental]


def _take_held(notes: list[Note], pitch: int, now: Fraction, place: str) -> Note:
    """Remove and return the note of this pitch that ends now."""
    for index in range(len(notes) - 1, -1, -1):
        if notes[index].pitch == pitch and notes[index].start + notes[index].length == now:
            return notes.pop(index)
    raise ScoreError(f"{place}: tied to nothing")


def _sounding(part: Part, pickup: Fraction) -> Iterator[Note]:
    """Apply ring and gate; a note ends at the latest where its string is struck again."""
    next_start: dict[int, Fraction] = {}
    for note in sorted(part.notes, key=lambda note: note.start, reverse=True):
        end = note.start + note.length
        if part.ring:
            end += (pickup - end) % part.ring
        end = min(end, next_start.get(note.pitch, end))
        next_start[note.pitch] = note.start
        yield Note(note.start, (end - note.start) * Fraction(part.gate), note.pitch, note.velocity)


def to_midi(score: Score, *, tail_s: float) -> mido.MidiFile:
    """Turn a score into MIDI, with `tail_s` seconds after the last note for it to ring out."""
    midi = mido.MidiFile(ticks_per_beat=TICKS_PER_WHOLE // 4, charset="utf-8")
    midi.tracks.append(mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=mido.bpm2tempo(score.tempo))]))
    chance = random.Random(score.title)
    melodic = (channel for channel in range(16) if channel != DRUM_CHANNEL)
    for part in score.parts:
        channel = DRUM_CHANNEL if part.drums else next(melodic)
        midi.tracks.append(_track(part, score, channel, chance, tail_s))
    return midi


def _track(part: Part, score: Score, channel: int, chance: random.Random, tail_s: float) -> mido.MidiTrack:
    ticks_per_s = score.tempo / 60 * TICKS_PER_WHOLE / 4
    setup = [
        mido.Message("program_change", channel=channel, program=part.program),
        mido.Message("control_change", channel=channel, control=10, value=part.pan),
        mido.Message("control_change", channel=channel, control=91, value=part.reverb),
    ]
    events = [(0, order, message) for order, message in enumerate(setup, start=-len(setup))]
    for note in _sounding(part, score.pickup):
        drift = chance.random() * score.human_ms / 1000 * ticks_per_s
        swell = chance.randint(-6, 6) if score.human_ms else 0
        on = round(note.start * TICKS_PER_WHOLE + drift)
        off = max(on + 1, round((note.start + note.length) * TICKS_PER_WHOLE))
        velocity = max(1, min(127, note.velocity + swell))
        key = {"channel": channel, "note": note.pitch}
        events.append((on, 1, mido.Message("note_on", velocity=velocity, **key)))
        events.append((off, 0, mido.Message("note_off", **key)))
    events.sort(key=lambda event: event[:2])

    track, now = mido.MidiTrack([mido.MetaMessage("track_name", name=part.name)]), 0
    for tick, _, message in events:
        track.append(message.copy(time=tick - now))
        now = tick
    track.append(mido.MetaMessage("end_of_track", time=round(tail_s * ticks_per_s)))
    return track
