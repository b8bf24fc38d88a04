"""TensorFlow I/O against the usual decoders: the same songs in twelve kinds of files.

``.venv-tensorflow-io/bin/python -m benchmarks.decoders MUSIC… [--songs 5] [--rounds 3]``, in the environment
that ``make test-tfio`` sets up.

A minute of each song is encoded in every kind. Both choices decode each file in turn, in this process,
and are compared by processor time, which a busy machine changes less than wall time; by their samples; and by
the scores of the track in float32.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import partial
from pathlib import Path
from statistics import median

import av
import numpy as np
import numpy.typing as npt
import soundfile as sf

from benchmarks.accuracy import files_in
from tonearm.models.bundles.loading import load_tagger
from tonearm.models.engines.shared import shared_engine
from tonearm.transforms.audio.decoders.downmix import mix
from tonearm.transforms.audio.decoders.tensorflow_io import audio_operations
from tonearm.transforms.audio.reader import open_audio
from tonearm.transforms.audio.resampling import resampled
from tonearm.transforms.elements.decoder_choice import DecoderChoice, require_installed
from tonearm.transforms.elements.failure import TrackError
from tonearm.transforms.features.spectrogram import spectrogram_of

RATE_HZ = 44100
SECONDS = 60.0
SHORTEST_S = 20.0
NOTICED = 1e-5
"""Samples that differ by more are counted: more than a decoder's own rounding."""


@dataclass(frozen=True, slots=True)
class Row:
    """What came out for one kind.

    Attributes:
        kind: The kind.
        files: How many were compared.
        usual_cpu_s: Processor seconds of the usual decoders for an hour of audio.
        tensorflow_cpu_s: The same of TensorFlow I/O.
        largest_sample: Largest difference of a sample, of the mix to mono.
        noticed: Share of the samples that differ by more than ``NOTICED``.
        largest_score: Largest difference of a track's score.
        equal_facts: True if length, facts and ``truncated`` are the same for all files.
    """

    kind: str
    files: int
    usual_cpu_s: float
    tensorflow_cpu_s: float
    largest_sample: float
    noticed: float
    largest_score: float
    equal_facts: bool


def rows(music: Sequence[Path], songs: int = 5, rounds: int = 3) -> list[Row]:
    """Measure all kinds.

    Raises:
        ValueError: There is no song to measure with.
    """
    require_installed(DecoderChoice.TENSORFLOW_IO)
    audio_operations()  # to import it is no part of decoding
    measured = []
    with tempfile.TemporaryDirectory() as folder:
        signals = _signals(music, songs)
        if not signals:
            raise ValueError(f"no song of {SHORTEST_S:.0f} s; name files or folders with music")
        for name, write in KINDS.items():
            paths = [Path(folder, str(number)) for number in range(len(signals))]
            for signal, path in zip(signals, paths, strict=True):
                write(signal, path)
            measured.append(_compare(name, paths, rounds))
    return measured


def _signals(music: Iterable[Path], most: int) -> list[Signal]:
    """The first minute of some songs: the mix on the left, quieter and 10 ms later on the right."""
    signals: list[Signal] = []
    for path in files_in(list(music)):
        if len(signals) == most:
            break
        try:
            with open_audio(path) as audio:
                samples = np.concatenate(list(resampled(audio.blocks(), RATE_HZ)))
        except TrackError:
            continue
        if len(samples) >= SHORTEST_S * RATE_HZ:
            left = samples[: round(SECONDS * RATE_HZ)]
            signals.append(np.stack([left, 0.7 * np.roll(left, RATE_HZ // 100)], axis=1).astype(np.float32))
    return signals


Signal = npt.NDArray[np.float32]
"""A song of two channels at 44.1 kHz: ``[samples, channels]``."""


def _write(signal: Signal, path: Path, *, container: str, subtype: str) -> None:
    """Write by libsndfile, piece by piece: its Vorbis encoder overflows the stack with minutes at once."""
    with sf.SoundFile(path, "w", RATE_HZ, 2, subtype, format=container) as file:
        for start in range(0, len(signal), 1 << 14):
            file.write(signal[start : start + (1 << 14)])


def _write_mp3(
    signal: Signal, path: Path, *, options: dict[str, str], rate_hz: int = RATE_HZ, layout: str = "stereo"
) -> None:
    """Write by FFmpeg, which has LAME."""
    whole = av.AudioFrame.from_ndarray(np.ascontiguousarray(signal.T), format="fltp", layout="stereo")
    whole.sample_rate, whole.pts = RATE_HZ, 0
    with av.open(str(path), "w", format="mp3") as container:
        stream = container.add_stream("libmp3lame", rate=rate_hz, options=options)
        assert isinstance(stream, av.AudioStream)
        stream.layout = layout
        container.start_encoding()
        context = stream.codec_context
        resampler = av.AudioResampler(
            format=context.format.name, layout=layout, rate=rate_hz, frame_size=context.frame_size
        )
        for frame in (*resampler.resample(whole), *resampler.resample(None)):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


_CONSTANT = {"b": "192k"}
_VARIABLE = {"flags": "+qscale", "global_quality": "236"}  # `-q:a 2`, in units of FF_QP2LAMBDA

KINDS: Mapping[str, Callable[[Signal, Path], None]] = {
    "WAV, 16 bits": partial(_write, container="WAV", subtype="PCM_16"),
    "WAV, 24 bits": partial(_write, container="WAV", subtype="PCM_24"),
    "WAV, 32 bits": partial(_write, container="WAV", subtype="PCM_32"),
    "WAV, floating point": partial(_write, container="WAV", subtype="FLOAT"),
    "FLAC, 16 bits": partial(_write, container="FLAC", subtype="PCM_16"),
    "FLAC, 24 bits": partial(_write, container="FLAC", subtype="PCM_24"),
    "Vorbis": partial(_write, container="OGG", subtype="VORBIS"),
    "MP3, 192 kbit/s": partial(_write_mp3, options=_CONSTANT),
    "MP3, variable": partial(_write_mp3, options=_VARIABLE),
    "MP3, mono": partial(_write_mp3, options={"b": "96k"}, layout="mono"),
    "MP3, 48 kHz": partial(_write_mp3, options=_CONSTANT, rate_hz=48000),
    "MP3, 22.05 kHz": partial(_write_mp3, options={"b": "64k"}, rate_hz=22050),
}
"""What writes each kind of file."""


@dataclass(frozen=True, slots=True)
class _Heard:
    cpu_s: float
    facts: tuple[object, ...]
    samples: npt.NDArray[np.float32]
    rate_hz: int


def _hear(path: Path, choice: DecoderChoice) -> _Heard:
    begun = time.process_time()
    with open_audio(path, choice) as audio:
        blocks = [block.samples for block in audio.blocks()]
        cpu_s = time.process_time() - begun
        return _Heard(cpu_s, (audio.info, audio.truncated), np.concatenate(blocks), audio.info.sample_rate_hz)


def _compare(name: str, paths: Sequence[Path], rounds: int) -> Row:
    usual: list[list[_Heard]] = []
    tensorflow: list[list[_Heard]] = []
    for path in paths:
        pairs = [
            (_hear(path, DecoderChoice.FFMPEG_AND_LIBSNDFILE), _hear(path, DecoderChoice.TENSORFLOW_IO_ONLY))
            for _ in range(rounds)
        ]
        usual.append([pair[0] for pair in pairs])
        tensorflow.append([pair[1] for pair in pairs])
    seconds = sum(len(heard[0].samples) / heard[0].rate_hz for heard in usual)
    both = [(one[0], other[0]) for one, other in zip(usual, tensorflow, strict=True)]
    differences = [_difference(one.samples, other.samples) for one, other in both]
    return Row(
        kind=name,
        files=len(paths),
        usual_cpu_s=_cpu_s(usual) * 3600 / seconds,
        tensorflow_cpu_s=_cpu_s(tensorflow) * 3600 / seconds,
        largest_sample=max(float(each.max()) for each in differences),
        noticed=float(np.mean(np.concatenate(differences) > NOTICED)),
        largest_score=max(float(np.abs(_scores(one) - _scores(other)).max()) for one, other in both),
        equal_facts=all(
            one.facts == other.facts and len(one.samples) == len(other.samples) for one, other in both
        ),
    )


def _cpu_s(heard: Sequence[Sequence[_Heard]]) -> float:
    return sum(median(each.cpu_s for each in of_file) for of_file in heard)


def _difference(one: npt.NDArray[np.float32], other: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    samples = min(len(one), len(other))
    return np.abs(one[:samples] - other[:samples])


def _scores(heard: _Heard) -> npt.NDArray[np.float32]:
    """The track's scores: means over its patches."""
    tagger = load_tagger("musicnn")
    signal = resampled([mix([heard.samples], heard.rate_hz)], tagger.front_end.sample_rate_hz)
    patches = spectrogram_of(signal, tagger.front_end).patches
    scores: npt.NDArray[np.float32] = shared_engine(tagger, "float32").infer(patches)[0].mean(axis=0)
    return scores


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure and print the rows."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.decoders",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("music", nargs="+", type=Path, help="files or folders with music")
    parser.add_argument("--songs", type=int, default=5, help="how many to encode (default: 5)")
    parser.add_argument("--rounds", type=int, default=3, help="how often (default: 3)")
    asked = parser.parse_args(arguments)
    names = [each.name for each in fields(Row)]
    print("| " + " | ".join(names) + " |\n|" + "---|" * len(names))
    for row in rows(asked.music, asked.songs, asked.rounds):
        values = [getattr(row, name) for name in names]
        print(
            "| "
            + " | ".join(f"{value:.3g}" if isinstance(value, float) else str(value) for value in values)
            + " |"
        )


if __name__ == "__main__":
    main()
