#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.11"
# dependencies = ["av==18.1.0", "mido==1.3.3", "numpy==2.4.6", "soundfile==0.14.0", "soxr==1.1.0"]
# ///
"""Render the sample tracks from their scores.

    uv run samples/render.py                 # all of them, and manifest.csv
    uv run samples/render.py bach_prelude    # only these

Each score in `scores/` becomes MIDI, FluidSynth plays it with the FluidR3 soundfont, and the sound is
trimmed, faded, normalised and encoded. On Debian or Ubuntu both come with
`apt-get install fluidsynth fluid-soundfont-gm`. Without `uv`, `pip install mido` beside Tonearm does.
"""

import argparse
import csv
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soxr
from encode import Encoding, Samples, draw_record, encode
from score import Score, read_score, to_midi

HERE = Path(__file__).resolve().parent
SOUNDFONTS = (
    Path("/usr/share/sounds/sf2/FluidR3_GM.sf2"),
    Path("/usr/share/soundfonts/FluidR3_GM.sf2"),
)
ALBUM = "Tonearm samples"
LICENCE = "CC0-1.0"
SOUNDFONT_RATE_HZ = 44100  # below it, FluidSynth's own resampling would alias
GAIN = 0.3  # leaves headroom: the sound is normalised afterwards
TAIL_S = 2.0
PEAK = 10 ** (-1 / 20)
SILENCE = 10 ** (-60 / 20)
LEAD_IN_S = 0.02


@dataclass(frozen=True)
class Recording:
    """One track: the score that it comes from and the file that it becomes."""

    track_id: str
    file: str
    encoding: Encoding
    cover: bool = False


RECORDINGS = (
    Recording("bach_prelude", "bach_prelude.flac", Encoding("flac", rate_hz=32000)),
    Recording("greensleeves", "greensleeves.m4a", Encoding("alac", rate_hz=32000, layout="mono")),
    Recording("pachelbel_canon", "pachelbel_canon.mp3", Encoding("libmp3lame", kbit_s=128), cover=True),
    Recording("bach_invention", "bach_invention.wav", Encoding("pcm_s16le", rate_hz=22050, layout="mono")),
    Recording("old_hundredth", "old_hundredth.opus", Encoding("libopus", rate_hz=48000, kbit_s=96)),
    Recording("gymnopedie", "Gymnopédie nº 1.m4a", Encoding("aac", kbit_s=112)),
    Recording("night_bus", "night_bus.ogg", Encoding("vorbis")),
    Recording("garage_door", "garage_door.mp3", Encoding("libmp3lame", rate_hz=48000, kbit_s=128)),
)


def main() -> None:
    """Render the tracks that the command line names, or all of them."""
    known = [recording.track_id for recording in RECORDINGS]
    parser = argparse.ArgumentParser(description="Render the sample tracks from their scores.")
    parser.add_argument("tracks", nargs="*", metavar="TRACK", help=f"{', '.join(known)} (default: all)")
    parser.add_argument("--out", type=Path, default=HERE, help="the folder to write to (default: this one)")
    args = parser.parse_args()
    if unknown := set(args.tracks) - set(known):
        parser.error(f"no such track: {', '.join(sorted(unknown))}")

    soundfont = find_soundfont()
    args.out.mkdir(parents=True, exist_ok=True)
    scores = {track_id: read_score(HERE / "scores" / f"{track_id}.txt") for track_id in known}
    for recording in RECORDINGS:
        if not args.tracks or recording.track_id in args.tracks:
            render(recording, scores[recording.track_id], soundfont, args.out)
    write_manifest(args.out / "manifest.csv", scores)


def find_soundfont() -> Path:
    """Return the soundfont's path; leave, saying what to install, if it or FluidSynth is missing."""
    soundfont = next((path for path in SOUNDFONTS if path.exists()), None)
    if soundfont is None or shutil.which("fluidsynth") is None:
        sys.exit("FluidSynth or FluidR3_GM.sf2 is missing: apt-get install fluidsynth fluid-soundfont-gm")
    return soundfont


def render(recording: Recording, score: Score, soundfont: Path, out: Path) -> None:
    """Play one score and write it as its file."""
    encoding = recording.encoding
    samples = play(score, soundfont, encoding.rate_hz)
    if encoding.channels == 1:
        samples = samples.mean(axis=1, keepdims=True)
    samples = master(samples, encoding.rate_hz, drive=score.drive)

    path = out / recording.file
    tags = {"title": score.title, "artist": score.composer, "album": ALBUM, "date": score.year}
    encode(path, samples, encoding, tags=tags, cover=draw_record() if recording.cover else None)
    print(f"{path.name:24} {len(samples) / encoding.rate_hz:5.1f} s {path.stat().st_size / 1e6:5.2f} MB")


def play(score: Score, soundfont: Path, rate_hz: int) -> Samples:
    """Let FluidSynth play a score; return stereo samples, not yet normalised."""
    with tempfile.TemporaryDirectory() as folder:
        midi, raw = Path(folder, "score.mid"), Path(folder, "sound.raw")
        to_midi(score, tail_s=TAIL_S).save(midi)
        command = ["fluidsynth", "-ni", "-q", "-g", str(GAIN), "-C", "no", "-r", str(SOUNDFONT_RATE_HZ)]
        command += ["-T", "raw", "-O", "float", "-F", str(raw), str(soundfont), str(midi)]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        samples = np.fromfile(raw, dtype=np.float32).reshape(-1, 2)
    resampled: Samples = soxr.resample(samples, SOUNDFONT_RATE_HZ, rate_hz)
    return resampled


def master(samples: Samples, rate_hz: int, *, drive: float) -> Samples:
    """Trim the silence before the first sound, limit, fade the last `TAIL_S` seconds, peak at -1 dBFS."""
    samples = samples / np.abs(samples).max()
    loud = np.flatnonzero(np.abs(samples).max(axis=1) > SILENCE)
    samples = samples[max(0, loud[0] - int(LEAD_IN_S * rate_hz)) : loud[-1] + 1].copy()
    if drive:
        samples = np.tanh(drive * samples)
    tail = int(TAIL_S * rate_hz)
    samples[-tail:] *= np.cos(np.linspace(0, np.pi / 2, tail, dtype=np.float32))[:, None]
    return samples * np.float32(PEAK / np.abs(samples).max())


def write_manifest(path: Path, scores: dict[str, Score]) -> None:
    """List the tracks, each `uri` relative to the manifest."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["track_id", "uri", "title", "composer", "year", "licence"])
        for recording in RECORDINGS:
            score = scores[recording.track_id]
            work = [score.title, score.composer, score.year]
            writer.writerow([recording.track_id, recording.file, *work, LICENCE])


if __name__ == "__main__":
    main()
