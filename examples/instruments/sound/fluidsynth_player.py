"""Plays arrangements on a soundfont with fluidsynth."""

from __future__ import annotations

from ctypes import c_float, c_int, c_void_p
from types import TracebackType

import numpy as np
import numpy.typing as npt

from examples.instruments.music.arrangement import CLIP_S, Arrangement, Timbre, Voice
from examples.instruments.music.programs import DRUMS
from examples.instruments.sound.soundfonts import Soundfont

_CHANNELS = 16
_DRUM_CHANNEL = 9
_DRUM_BANK = 128
_GAIN = 0.35
_VOLUME, _PAN, _REVERB, _CHORUS = 7, 10, 91, 93
_CUTOFF, _RESONANCE, _VIBRATO, _ATTACK, _DECAY, _RELEASE, _COARSE, _FINE = 8, 9, 6, 34, 36, 38, 51, 52
"""Generators as SoundFont 2.04 numbers them, section 8.1.2."""


class FluidPlayer:
    """A synthesizer that holds one font. To be used in a ``with`` block."""

    def __init__(self, font: Soundfont, rate_hz: int) -> None:
        """Load a font.

        Args:
            font: Which one.
            rate_hz: Sample rate of what is played.
        """
        import fluidsynth

        self._rate_hz = rate_hz
        self._synth = fluidsynth.Synth(gain=_GAIN, samplerate=rate_hz, channels=_CHANNELS)
        self._font = self._synth.sfload(str(font.path))
        if self._font < 0:
            raise OSError(f"{font.path} is no soundfont: apt-get install --reinstall {font.package}")
        self._set_generator = fluidsynth._fl.fluid_synth_set_gen
        self._set_generator.argtypes = [c_void_p, c_int, c_int, c_float]

    def __enter__(self) -> FluidPlayer:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._synth.delete()

    def play(self, arrangement: Arrangement) -> npt.NDArray[np.float32]:
        """Play eight seconds.

        Returns:
            Stereo samples between -1 and 1, shape ``[samples, 2]``.
        """
        self._synth.system_reset()
        self._synth.set_reverb(arrangement.room, arrangement.damping, 0.5, 0.9)
        events = []
        for number, voice in enumerate(arrangement.voices):
            channel = _DRUM_CHANNEL if voice.label == DRUMS else number
            self._prepare(channel, voice)
            zone = voice.timbre.zone_semitones
            for note in voice.notes:
                key = min(max(note.pitch - zone, 0), 127)
                end_s = note.start_s + note.length_s
                events += [(note.start_s, True, channel, key, note.velocity), (end_s, False, channel, key, 0)]
        return self._sound(sorted(events))

    def _prepare(self, channel: int, voice: Voice) -> None:
        bank = _DRUM_BANK if voice.label == DRUMS else 0
        self._synth.program_select(channel, self._font, bank, voice.program)
        for controller, value in (
            (_VOLUME, voice.volume),
            (_PAN, voice.pan),
            (_REVERB, voice.reverb),
            (_CHORUS, voice.chorus),
        ):
            self._synth.cc(channel, controller, value)
        for generator, offset in _offsets(voice.timbre).items():
            self._set_generator(self._synth.synth, channel, generator, offset)

    def _sound(self, events: list[tuple[float, bool, int, int, int]]) -> npt.NDArray[np.float32]:
        length = round(CLIP_S * self._rate_hz)
        pieces, position = [], 0
        for time_s, begins, channel, key, velocity in events:
            until = min(round(time_s * self._rate_hz), length)
            if until > position:
                pieces.append(self._synth.get_samples(until - position))
                position = until
            if begins:
                self._synth.noteon(channel, key, velocity)
            else:
                self._synth.noteoff(channel, key)
        if position < length:
            pieces.append(self._synth.get_samples(length - position))
        return np.concatenate(pieces).reshape(-1, 2).astype(np.float32) / np.float32(32768)


def _offsets(timbre: Timbre) -> dict[int, float]:
    return {
        _CUTOFF: timbre.cutoff_cents,
        _RESONANCE: timbre.resonance_cb,
        _ATTACK: timbre.attack_timecents,
        _DECAY: timbre.decay_timecents,
        _RELEASE: timbre.release_timecents,
        _COARSE: float(timbre.zone_semitones),
        _FINE: timbre.tuning_cents,
        _VIBRATO: timbre.vibrato_cents,
    }
