"""The front end against its bare kernels: from files to patches, in process and with isolated decoding.

``python -m benchmarks.front_end FILES_OR_FOLDERS… [--files 20] [--rounds 5]``

The kernels are each library's own loop and nothing else: decoding without taking the samples out, resampling
and mel transforms of signals that are in memory already. What the product adds is the way of the samples
through it: channels mixed, numbers checked, blocks cut into patches and, isolated, carried between processes.
The ways are measured in turn, round by round, so that a busy machine is busy for all of them.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import av
import numpy as np
import psutil
import soundfile as sf
import soxr
import torch
import torchaudio

from models.front_end import FrontEnd
from transforms.audio_decoder import BLOCK_VALUES
from transforms.decode import open_audio
from transforms.decode_isolated import close_decoders, open_audio_isolated
from transforms.failure import TrackError
from transforms.spectrogram import spectrogram_of
from transforms.timing import StageTimes

FRONT_END = FrontEnd()
BY_FFMPEG = (".ogg", ".oga", ".opus", ".m4a")
"""Formats whose faster kernel is FFmpeg's; the others are libsndfile's."""

AUDIO = (".mp3", ".flac", ".wav", *BY_FFMPEG)
MEL_SAMPLES = 1 << 19
"""Samples in a mel transform, 33 s: the fastest size seen."""

SMALLEST_BYTES = 500_000
"""Smaller files are seldom music; what a track costs however short it is belongs to other benchmarks."""

FLAC_COPIES = 3
"""Files that are encoded as FLAC too, since few collections at hand hold all formats."""

WORKER_COUNTS = (1, 2)


@dataclass(frozen=True, slots=True)
class Row:
    """Medians over the rounds for one way and one number of workers.

    Attributes:
        way: ``kernels``, ``in process`` or ``isolated``.
        workers: Threads, each with files of its own.
        times_real: Seconds of audio a second.
        spread: Largest less smallest, as a share of the median.
        cpu_s: Processor seconds for an hour of audio, child processes included.
        share: ``times_real`` as a share of the kernels' with as many workers, round by round.
        cpu_share: The kernels' ``cpu_s`` as a share of this one: unlike ``share`` not flattered by a
            second core that decodes ahead.
    """

    way: str
    workers: int
    times_real: float
    spread: float
    cpu_s: float
    share: float
    cpu_share: float


@dataclass(frozen=True, slots=True)
class Song:
    """A file with its signal, float32 mono ``[samples]``, for the kernels behind the decoder."""

    path: Path
    rate_hz: int
    signal: np.ndarray
    resampled: np.ndarray

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.signal) / self.rate_hz


@dataclass(frozen=True, slots=True)
class _Measured:
    wall_s: float
    cpu_s: float


def rows(paths: Sequence[Path], rounds: int = 5) -> list[Row]:
    """Measure all ways with one worker and with two; files that cannot be decoded are left out."""
    torch.set_num_threads(1)
    songs = [song for path in paths if (song := _load(path))]
    if not songs:
        raise ValueError("there is no audio file to measure")
    measured: dict[tuple[str, int], list[_Measured]] = {}
    for number in range(rounds + 1):
        for workers in WORKER_COUNTS:
            for way, run in WAYS.items():
                taken = _measure(run, songs, workers)
                if number:  # the first round warms caches and starts the decoder processes
                    measured.setdefault((way, workers), []).append(taken)
    close_decoders()
    audio_s = sum(song.duration_s for song in songs)
    return [
        _row(way, workers, measured[way, workers], measured["kernels", workers], audio_s)
        for workers in WORKER_COUNTS
        for way in WAYS
    ]


def start_up_s(rounds: int = 5) -> float:
    """Median seconds from the order of a decoder process to the first facts about a file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "short.wav"
        sf.write(path, np.zeros(FRONT_END.sample_rate_hz, np.int16), FRONT_END.sample_rate_hz)
        return median(_start_up_s(path) for _ in range(rounds))


def _start_up_s(path: Path) -> float:
    close_decoders()
    begun = time.perf_counter()
    with open_audio_isolated(path, FRONT_END.sample_rate_hz, StageTimes()):
        return time.perf_counter() - begun


def _load(path: Path) -> Song | None:
    try:
        with open_audio(path) as audio:
            signal = np.concatenate(list(audio.blocks()))
    except TrackError:
        return None
    rate_hz = audio.info.sample_rate_hz
    return Song(path, rate_hz, signal, soxr.resample(signal, rate_hz, FRONT_END.sample_rate_hz))


def _kernels(song: Song) -> None:
    _decode_with_ffmpeg(song.path) if song.path.suffix in BY_FFMPEG else _decode_with_libsndfile(song.path)
    stream = soxr.ResampleStream(song.rate_hz, FRONT_END.sample_rate_hz, 1, "float32", "HQ")
    for start in range(0, len(song.signal), BLOCK_VALUES):
        stream.resample_chunk(song.signal[start : start + BLOCK_VALUES])
    mel = _mel_transform()
    with torch.inference_mode():
        for start in range(0, len(song.resampled) - FRONT_END.fft_length, MEL_SAMPLES):
            samples = torch.from_numpy(song.resampled[start : start + MEL_SAMPLES])
            mel(samples).mul_(FRONT_END.log_gain).add_(1.0).log10_()


def _decode_with_libsndfile(path: Path) -> None:
    with sf.SoundFile(path) as file:
        buffer = np.empty((BLOCK_VALUES // file.channels, file.channels), np.float32)
        while len(file.read(out=buffer)):
            pass


def _decode_with_ffmpeg(path: Path) -> None:
    with av.open(str(path)) as container:
        container.streams.audio[0].codec_context.thread_count = 1
        for _ in container.decode(audio=0):
            pass


def _mel_transform() -> torchaudio.transforms.MelSpectrogram:
    return torchaudio.transforms.MelSpectrogram(
        sample_rate=FRONT_END.sample_rate_hz,
        n_fft=FRONT_END.fft_length,
        hop_length=FRONT_END.hop_length,
        f_max=FRONT_END.max_frequency_hz,
        n_mels=FRONT_END.mel_bands,
        center=False,
        norm="slaney",
        mel_scale="slaney",
    )


def _in_process(song: Song) -> None:
    with open_audio(song.path) as audio:
        spectrogram_of(audio.blocks(), audio.info.sample_rate_hz, FRONT_END)


def _isolated(song: Song) -> None:
    times = StageTimes()
    with open_audio_isolated(song.path, FRONT_END.sample_rate_hz, times) as audio:
        spectrogram_of(audio.blocks(), FRONT_END.sample_rate_hz, FRONT_END, times=times)


WAYS = {"kernels": _kernels, "in process": _in_process, "isolated": _isolated}


def _measure(run: Callable[[Song], None], songs: Iterable[Song], workers: int) -> _Measured:
    cpu_before, begun = _cpu_s(), time.perf_counter()
    with ThreadPoolExecutor(workers) as pool:
        list(pool.map(run, songs))
    return _Measured(time.perf_counter() - begun, _cpu_s() - cpu_before)


def _cpu_s() -> float:
    """Processor time of this process and its children so far."""
    this = psutil.Process()
    taken = [process.cpu_times() for process in (this, *this.children())]
    return sum(each.user + each.system for each in taken)


def _row(way: str, workers: int, measured: list[_Measured], kernels: list[_Measured], audio_s: float) -> Row:
    walls = [each.wall_s for each in measured]
    pairs = list(zip(kernels, measured, strict=True))
    return Row(
        way=way,
        workers=workers,
        times_real=audio_s / median(walls),
        spread=(max(walls) - min(walls)) / median(walls),
        cpu_s=median(each.cpu_s for each in measured) * 3600 / audio_s,
        share=median(bare.wall_s / each.wall_s for bare, each in pairs),
        cpu_share=median(bare.cpu_s / each.cpu_s for bare, each in pairs),
    )


def find_files(places: Iterable[Path], count: int) -> list[Path]:
    """So many audio files, spread evenly over each kind in the folders named."""
    found: dict[str, list[Path]] = {}
    for place in places:
        for path in sorted(place.rglob("*")) if place.is_dir() else [place]:
            if path.suffix in AUDIO and path.is_file() and path.stat().st_size >= SMALLEST_BYTES:
                found.setdefault(path.suffix, []).append(path)
    if not found:
        return []
    share = -(-count // len(found))
    return [path for paths in found.values() for path in paths[:: -(-len(paths) // share)]]


def write_flac_copies(paths: Sequence[Path], folder: Path) -> list[Path]:
    """Encode the first few files as FLAC, mono and 16 bits."""
    copies = []
    for path in paths[:FLAC_COPIES]:
        song = _load(path)
        if song:
            copies.append(folder / f"{path.stem}.flac")
            sf.write(copies[-1], song.signal, song.rate_hz, "PCM_16")
    return copies


def main() -> None:
    """Measure and print the rows."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.front_end", description=__doc__)
    parser.add_argument("places", nargs="+", type=Path, help="audio files, or folders of them")
    parser.add_argument("--files", type=int, default=20, help="how many to measure")
    parser.add_argument("--rounds", type=int, default=5, help="how often")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        paths = find_files(asked.places, asked.files)
        paths += write_flac_copies(paths, Path(folder))
        print(f"{len(paths)} files; a decoder process starts in {start_up_s():.2f} s")
        print("workers  way         × real time  spread  CPU s/h  of the kernels' speed  …per CPU")
        for row in rows(paths, asked.rounds):
            print(
                f"{row.workers:7}  {row.way:10}  {row.times_real:11.0f}  {row.spread:6.0%}"
                f"  {row.cpu_s:7.2f}  {row.share:21.1%}  {row.cpu_share:8.1%}"
            )


if __name__ == "__main__":
    main()
