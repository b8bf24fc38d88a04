"""The front end's bare kernels: each library's own loop over a file or over a signal in memory, nothing else.

They are a strict measure. FFmpeg's frames never become arrays, without which nothing could be resampled. And
:func:`kernels` decodes Opus with FFmpeg's own decoder, which is the faster one and errs audibly
(``transforms/audio/decoders/ffmpeg.py``); :func:`kernels_with_libopus` is what can be reached with the right
one.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import soundfile as sf
import soxr
import torch
import torchaudio

from tonearm.models.front_end import FrontEnd
from tonearm.transforms.audio.reader import open_audio
from tonearm.transforms.elements.failure import TrackError

FRONT_END = FrontEnd()

BY_FFMPEG = (".ogg", ".oga", ".opus", ".m4a")
"""Formats whose faster kernel is FFmpeg's; the others are libsndfile's."""

RESAMPLED_SAMPLES = 1 << 17
"""Samples in a call of the resampler."""

LIBSNDFILE_VALUES = 1 << 18
"""Samples times channels in a read of libsndfile's: the fastest size seen."""

MEL_SAMPLES = 1 << 19
"""Samples in a mel transform, 33 s: the fastest size seen."""


@dataclass(frozen=True, slots=True)
class Song:
    """A file with its signal, float32 mono ``[samples]``, for the kernels behind the decoder."""

    path: Path
    codec: str
    rate_hz: int
    signal: np.ndarray
    resampled: np.ndarray

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return len(self.signal) / self.rate_hz


def load(path: Path) -> Song | None:
    """Decode a file into memory; None if it cannot be decoded."""
    try:
        with open_audio(path) as audio:
            signal = np.concatenate(list(audio.samples(audio.info.sample_rate_hz)))
    except TrackError:
        return None
    rate_hz = audio.info.sample_rate_hz
    return Song(
        path, audio.info.codec, rate_hz, signal, soxr.resample(signal, rate_hz, FRONT_END.sample_rate_hz)
    )


def kernels(song: Song) -> None:
    """Decode with the fastest decoder of the format, resample and transform."""
    _decode_with_ffmpeg(song.path) if song.path.suffix in BY_FFMPEG else _decode_with_libsndfile(song.path)
    _resample_and_transform(song)


def kernels_with_libopus(song: Song) -> None:
    """As :func:`kernels`, for an Opus file, with the reference decoder."""
    _decode_with_libopus(song.path)
    _resample_and_transform(song)


def _resample_and_transform(song: Song) -> None:
    stream = soxr.ResampleStream(song.rate_hz, FRONT_END.sample_rate_hz, 1, "float32", "HQ")
    for start in range(0, len(song.signal), RESAMPLED_SAMPLES):
        stream.resample_chunk(song.signal[start : start + RESAMPLED_SAMPLES])
    mel = _mel_transform()
    with torch.inference_mode():
        for start in range(0, len(song.resampled) - FRONT_END.fft_length, MEL_SAMPLES):
            samples = torch.from_numpy(song.resampled[start : start + MEL_SAMPLES])
            mel(samples).mul_(FRONT_END.log_gain).add_(1.0).log10_()


def _decode_with_libsndfile(path: Path) -> None:
    with sf.SoundFile(path) as file:
        buffer = np.empty((LIBSNDFILE_VALUES // file.channels, file.channels), np.float32)
        while len(file.read(out=buffer)):
            pass


def _decode_with_ffmpeg(path: Path) -> None:
    with av.open(str(path)) as container:
        container.streams.audio[0].codec_context.thread_count = 1
        for _ in container.decode(audio=0):
            pass


def _decode_with_libopus(path: Path) -> None:
    with av.open(str(path)) as container:
        declared, codec = container.streams.audio[0].codec_context, av.CodecContext.create("libopus", "r")
        codec.extradata, codec.sample_rate, codec.layout = declared.extradata, 48000, declared.layout
        for packet in container.demux(audio=0):
            codec.decode(packet)


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
