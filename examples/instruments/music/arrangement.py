"""Who plays what in a clip: notes in seconds, and the labels that follow from them."""

from __future__ import annotations

from dataclasses import dataclass, field

CLIP_S = 8.0
_SOUNDING_S = 1.0
"""A label holds if its instrument sounds for as long or longer."""


@dataclass(frozen=True, slots=True)
class PlayedNote:
    """A note as it is played.

    Attributes:
        start_s: When its key goes down, in seconds from the beginning of the clip.
        length_s: How long it is held.
        pitch: MIDI key.
        velocity: 1 to 127.
    """

    start_s: float
    length_s: float
    pitch: int
    velocity: int


@dataclass(frozen=True, slots=True)
class Timbre:
    """How a voice's sound differs from the soundfont's own, as offsets to fluidsynth's generators.

    Zeroes leave the font as it is. Training clips draw these at random, so that a network hears more sounds
    than the few fonts hold.

    Attributes:
        cutoff_cents: Of the low-pass filter.
        resonance_cb: Of the same, in centibels.
        attack_timecents: Of the volume envelope: 1,200 doubles the time.
        decay_timecents: The same.
        release_timecents: The same.
        zone_semitones: Plays the samples recorded for keys so much lower, tuned up by as much.
        tuning_cents: Detunes.
        vibrato_cents: Depth of the font's vibrato oscillator.
    """

    cutoff_cents: float = 0.0
    resonance_cb: float = 0.0
    attack_timecents: float = 0.0
    decay_timecents: float = 0.0
    release_timecents: float = 0.0
    zone_semitones: int = 0
    tuning_cents: float = 0.0
    vibrato_cents: float = 0.0


@dataclass(frozen=True, slots=True)
class Voice:
    """One player.

    Attributes:
        label: Which instrument it is.
        program: General MIDI program, counted from 0; for drums the kit.
        notes: What it plays, sorted by start.
        volume: MIDI controller 7, 0 to 127; the same range for those that follow.
        pan: Controller 10; 64 is the middle.
        reverb: Controller 91.
        chorus: Controller 93.
        timbre: What is changed of the font's sound.
    """

    label: str
    program: int
    notes: tuple[PlayedNote, ...]
    volume: int
    pan: int
    reverb: int
    chorus: int
    timbre: Timbre = field(default_factory=Timbre)

    @property
    def sounding_s(self) -> float:
        """Seconds of the clip in which a key is down."""
        covered_until = total = 0.0
        for note in self.notes:
            end = min(note.start_s + note.length_s, CLIP_S)
            total += max(0.0, end - max(note.start_s, covered_until))
            covered_until = max(covered_until, end)
        return total


@dataclass(frozen=True, slots=True)
class Arrangement:
    """Everything that is heard in a clip, but for the font that plays it.

    Attributes:
        piece: Name of the piece.
        voices: The players, the drums last.
        room: Size of the reverberating room, 0 to 1.
        damping: Of the reverberation's high frequencies, 0 to 1.
    """

    piece: str
    voices: tuple[Voice, ...]
    room: float
    damping: float

    @property
    def labels(self) -> tuple[str, ...]:
        """What sounds for a second or more, sorted."""
        return tuple(sorted({voice.label for voice in self.voices if voice.sounding_s >= _SOUNDING_S}))
