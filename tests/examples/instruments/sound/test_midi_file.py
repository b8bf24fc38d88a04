"""Arrangements as MIDI files, read by music21."""

from pathlib import Path

from music21 import midi

from examples.instruments.music.arrangement import Arrangement, PlayedNote, Voice
from examples.instruments.sound.midi_file import midi_bytes


def test_another_reader_finds_notes_programs_and_drums_where_they_were_put(tmp_path: Path) -> None:
    flute = Voice("flute", 73, (PlayedNote(1.5, 2.0, 72, 90),), volume=100, pan=64, reverb=40, chorus=0)
    drums = Voice("drums", 0, (PlayedNote(0.25, 0.5, 38, 101),), volume=90, pan=64, reverb=0, chorus=0)
    path = tmp_path / "clip.mid"
    path.write_bytes(midi_bytes(Arrangement("bwv1", (flute, drums), room=0.5, damping=0.5)))

    file = midi.MidiFile()
    file.open(path)
    file.read()
    file.close()

    ticks, found = 0, []
    for event in file.tracks[0].events:
        if event.isDeltaTime():
            ticks += event.time
        elif event.isNoteOn() or event.isNoteOff():
            found.append(
                (ticks / (2 * file.ticksPerQuarterNote), event.channel, event.pitch, event.isNoteOn())
            )
    assert found == [(0.25, 10, 38, True), (0.75, 10, 38, False), (1.5, 1, 72, True), (3.5, 1, 72, False)]
