"""Cuts songs into clips that stand for tracks, as they are, quieter, or encoded poorly."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import av
import numpy as np
import soundfile as sf

SECONDS = 15.0
SHORTEST_S = 45.0
"""Songs that are shorter are left out: jingles."""

MOST_OF_A_SONG = 14

_QUIETER = np.float32(10 ** (-12 / 20))
_POOR_BITS_PER_SECOND = 64_000

Clip = tuple[Path, int]
"""A song, and the frame at which the clip begins."""


def clips_of(places: Sequence[Path]) -> list[Clip]:
    """Clips of all songs that libsndfile reads below some folders, evenly spaced, none over another."""
    files = sorted(path for place in places for path in place.rglob("*") if path.is_file())
    return [(file, begin) for file in files for begin in _beginnings(file)]


def _beginnings(file: Path) -> Iterator[int]:
    try:
        info = sf.info(file)
    except sf.LibsndfileError:
        return
    if info.duration < SHORTEST_S:
        return
    count = min(MOST_OF_A_SONG, int(info.duration // SECONDS))
    for number in range(count):
        yield int(number * info.frames / count)


def write_clip(clip: Clip, folder: Path, name: str, way: str) -> None:
    """Write a clip: ``as_it_is`` and ``quiet`` (-12 dB) as FLAC, ``poor`` as MP3 of 64 kbit/s."""
    file, begin = clip
    rate_hz = sf.info(file).samplerate
    samples, _ = sf.read(file, int(SECONDS * rate_hz), begin, dtype="float32", always_2d=True)
    samples = np.repeat(samples, 2, axis=1) if samples.shape[1] == 1 else samples[:, :2]
    folder.mkdir(parents=True, exist_ok=True)
    if way == "poor":
        _write_mp3(folder / f"{name}.mp3", samples, rate_hz)
    else:
        gain = _QUIETER if way == "quiet" else np.float32(1)
        sf.write(folder / f"{name}.flac", gain * samples, rate_hz)


def _write_mp3(path: Path, samples: np.ndarray, rate_hz: int) -> None:
    with av.open(str(path), "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=rate_hz, layout="stereo")
        stream.bit_rate = _POOR_BITS_PER_SECOND
        frame = av.AudioFrame.from_ndarray(
            np.ascontiguousarray(samples).reshape(1, -1), format="flt", layout="stereo"
        )
        frame.sample_rate = rate_hz
        context = stream.codec_context
        resampler = av.AudioResampler(context.format.name, "stereo", rate_hz, context.frame_size)
        for piece in (*resampler.resample(frame), *resampler.resample(None)):
            container.mux(stream.encode(piece))
        container.mux(stream.encode(None))
