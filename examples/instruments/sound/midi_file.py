"""Writes an arrangement as a Standard MIDI File, for players that read nothing else."""

from __future__ import annotations

import struct

from examples.instruments.music.arrangement import Arrangement, Voice
from examples.instruments.music.programs import DRUMS

_TICKS_PER_QUARTER = 480
_TICKS_PER_S = 960
"""At 120 quarter notes a minute, what holds without a tempo event."""
_DRUM_CHANNEL = 9
_NOTE_OFF, _NOTE_ON, _CONTROLLER, _PROGRAM = 0x80, 0x90, 0xB0, 0xC0
_VOLUME, _PAN, _REVERB, _CHORUS = 7, 10, 91, 93
_END_OF_TRACK = bytes((0xFF, 0x2F, 0))


def midi_bytes(arrangement: Arrangement) -> bytes:
    """A file of format 0: one track with all channels. Timbres are left out."""
    messages: list[tuple[int, bytes]] = []
    for number, voice in enumerate(arrangement.voices):
        messages += _voice_messages(voice, _DRUM_CHANNEL if voice.label == DRUMS else number)
    track, before = bytearray(), 0
    for tick, message in sorted(messages):
        track += _variable_length(tick - before) + message
        before = tick
    track += _variable_length(_TICKS_PER_S) + _END_OF_TRACK
    header = b"MThd" + struct.pack(">IHHH", 6, 0, 1, _TICKS_PER_QUARTER)
    return header + b"MTrk" + struct.pack(">I", len(track)) + bytes(track)


def _voice_messages(voice: Voice, channel: int) -> list[tuple[int, bytes]]:
    controllers = (
        (_VOLUME, voice.volume),
        (_PAN, voice.pan),
        (_REVERB, voice.reverb),
        (_CHORUS, voice.chorus),
    )
    messages = [(0, bytes((_CONTROLLER | channel, *pair))) for pair in controllers]
    messages.append((0, bytes((_PROGRAM | channel, voice.program))))
    for note in voice.notes:
        start, end = (round(time_s * _TICKS_PER_S) for time_s in (note.start_s, note.start_s + note.length_s))
        messages.append((start, bytes((_NOTE_ON | channel, note.pitch, note.velocity))))
        messages.append((end, bytes((_NOTE_OFF | channel, note.pitch, 0))))
    return messages


def _variable_length(ticks: int) -> bytes:
    """Seven bits a byte, the highest first, all but the last marked."""
    groups = [ticks & 0x7F]
    while ticks := ticks >> 7:
        groups.append(0x80 | (ticks & 0x7F))
    return bytes(reversed(groups))
