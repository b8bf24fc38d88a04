"""Decoding with TensorFlow I/O, where a call asks for it: WAV, FLAC, Vorbis and MP3, block by block.

Its operations that decode a whole file at once take 1.3 GB for an hour of stereo. ``AudioIOTensor`` reads any
stretch of an open file to the same samples, so memory does not grow with the length.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import lru_cache, partial
from typing import Any

import numpy as np

from tonearm.transforms.audio.decoders.decoder import (
    AudioInfo,
    DecoderError,
    block_samples,
    library_errors,
    require_plausible,
)
from tonearm.transforms.audio.decoders.downmix import Block, mix
from tonearm.transforms.audio.decoders.packets import Promise
from tonearm.transforms.audio.decoders.plain_wav import codec_of_plain_wav
from tonearm.transforms.audio.decoders.watched_calls import WatchedCalls
from tonearm.transforms.audio.formats.audio_format import AudioFormat
from tonearm.transforms.audio.formats.claim import Correction, ReadAt
from tonearm.transforms.audio.formats.registry import format_named
from tonearm.transforms.audio.identification import end_of_leading_tags

_LIBRARY = "TensorFlow I/O"
_SOMETHING_BESIDE_THE_SOUND = f"{_LIBRARY} reads no file in which something comes before or behind the sound"
_HEAD_BYTES = 64 * 1024
_LAYER_3 = 1

_SCALES: Mapping[str, tuple[float, int]] = {
    "uint8": (2.0**-7, 128),
    "int16": (2.0**-15, 0),
    "int32": (2.0**-31, 0),
    "float32": (1.0, 0),
}
"""By type of the samples: what makes full scale ±1, and the number that is silence."""

_BESIDE_THE_REASON = re.compile(r"^\{\{.*?\}\}\s*|\s*\[Op:.*$|/proc/self/fd/\d+", re.DOTALL)
"""What TensorFlow's messages hold besides: the operation, and the name that the file was opened by."""

_calls = WatchedCalls(_LIBRARY, complaint=b"ErrorCallback")
"""Its FLAC decoder says so, and nothing else, where it plays silence in the place of a damaged frame; where a
frame is lost, it may look for another one at the end of the file for ever."""


class TensorflowIoDecoder:
    """An open file, read through TensorFlow I/O; one at a time in a process.

    Args:
        descriptor: Open file descriptor; stays the caller's.
        audio_format: What the file is; TensorFlow I/O must agree.
        start: Offset of what is decoded: 0, as it reads whole files only.
        end: None, likewise.
        corrections: None, likewise.

    Raises:
        DecoderError: TensorFlow I/O cannot read the file, or not rightly.
    """

    _latest: TensorflowIoDecoder | None = None
    """TensorFlow keeps one resource for all files that are opened: another file takes its place."""

    def __init__(
        self,
        descriptor: int,
        audio_format: AudioFormat,
        start: int = 0,
        end: int | None = None,
        corrections: Sequence[Correction] = (),
    ) -> None:
        if start or end is not None or corrections:
            raise DecoderError(_SOMETHING_BESIDE_THE_SOUND)
        with _reasons_only():
            codec = _CODECS[audio_format.name](_reader_of(descriptor))
            audio = audio_operations()
            TensorflowIoDecoder._latest = self
            self._file = _calls.make(lambda: audio.AudioIOTensor(f"/proc/self/fd/{descriptor}"))
            self._samples, channels = (int(number) for number in self._file.shape)
            self._is_integers = codec == "pcm_s32"  # it takes them for floating-point numbers
            rate_hz = int(self._file.rate)
            require_plausible(rate_hz, channels)
        self.info = AudioInfo(codec, rate_hz, channels, self._samples / rate_hz)

    @property
    def reads_samples(self) -> int | None:
        """TensorFlow I/O stops at the length that the file states, or that it counted."""
        return self._samples

    @property
    def promise(self) -> Promise:
        """An empty promise, as TensorFlow I/O does not show its packets."""
        return Promise()

    def blocks(self) -> Iterator[Block]:
        """Yield the signal in blocks; raises DecoderError where TensorFlow I/O cannot go on."""
        step = block_samples(self.info.channels)
        for first in range(0, self._samples, step):
            with _reasons_only():
                samples = self._read(first, min(first + step, self._samples))
            scale, zero = _SCALES[samples.dtype.name]
            yield mix(samples.T, self.info.sample_rate_hz, scale=scale, zero=zero)

    def _read(self, first: int, end: int) -> np.ndarray:
        """A stretch of the signal: ``[samples, channels]``, of the file's own type."""
        if TensorflowIoDecoder._latest is not self:
            raise DecoderError(f"{_LIBRARY} reads one file at a time")
        samples = _calls.make(partial(self._stretch, first, end))
        return samples.view(np.int32) if self._is_integers else samples

    def _stretch(self, first: int, end: int) -> np.ndarray:
        stretch: np.ndarray = self._file[first:end].numpy()
        return stretch

    def close(self) -> None:
        """Have TensorFlow let go of the file."""
        if TensorflowIoDecoder._latest is self and not _calls.is_stuck:
            TensorflowIoDecoder._latest = None
            _let_go_of_file()


def _reader_of(descriptor: int) -> ReadAt:
    return lambda offset, length: os.pread(descriptor, length, offset)


@lru_cache(maxsize=1)
def audio_operations() -> Any:
    """The module ``tfio.audio``; to import it takes seconds. It is quiet and leaves GPUs to others."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow
    import tensorflow_io

    tensorflow.config.set_visible_devices([], "GPU")
    tensorflow.config.threading.set_intra_op_parallelism_threads(1)  # each thread of the run decodes a track
    tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    return tensorflow_io.audio


def is_stuck() -> bool:
    """True if TensorFlow I/O hangs on a file, so that this process should end as soon as it may."""
    return _calls.is_stuck


def _let_go_of_file() -> None:
    """Show TensorFlow a file that is none: the one before would stay open until the next track."""
    nothing = os.memfd_create("nothing")
    try:
        os.write(nothing, bytes(64))
        audio = audio_operations()
        with _reasons_only():
            _calls.make(lambda: audio.AudioIOTensor(f"/proc/self/fd/{nothing}"))
    except DecoderError:
        pass  # as was to be expected
    finally:
        os.close(nothing)


@contextmanager
def _reasons_only() -> Iterator[None]:
    """Turn TensorFlow's errors into a DecoderError with the reason that they tell."""
    try:
        with library_errors(_LIBRARY):
            yield
    except DecoderError as error:
        if message := getattr(error.__cause__, "message", None):
            reason = _BESIDE_THE_REASON.sub("", str(message)).strip()
            raise DecoderError(f"{_LIBRARY}: {reason}", retriable=error.retriable) from error
        raise


def _codec_behind(signature: bytes, codec_of: Callable[[ReadAt], str]) -> Callable[[ReadAt], str]:
    """Refuse a file that does not begin as its format does: TensorFlow I/O would take it for MPEG audio."""

    def read(read_at: ReadAt) -> str:
        if read_at(0, len(signature)) != signature:
            raise DecoderError(_SOMETHING_BESIDE_THE_SOUND)
        return codec_of(read_at)

    return read


def _codec_of_mpeg(read_at: ReadAt) -> str:
    """``mp3`` or ``mp2``, by the layer in the first frame's header (ISO 11172-3, 2.4.1.3)."""
    head = read_at(end_of_leading_tags(read_at), _HEAD_BYTES)
    frames = format_named("mp3").frames
    first = frames.find_first_frame(head, whole=len(head) < _HEAD_BYTES) if frames else None
    if first is None or head[:4] in _SIGNATURES.values():
        raise DecoderError(f"{_LIBRARY}: no frame of MPEG audio")
    return "mp3" if head[first + 1] >> 1 & 3 == _LAYER_3 else "mp2"


_SIGNATURES = {"wav": b"RIFF", "flac": b"fLaC", "ogg_vorbis": b"OggS"}

_CODECS: Mapping[str, Callable[[ReadAt], str]] = {
    "wav": _codec_behind(_SIGNATURES["wav"], codec_of_plain_wav),
    "flac": _codec_behind(_SIGNATURES["flac"], lambda read_at: "flac"),
    "ogg_vorbis": _codec_behind(_SIGNATURES["ogg_vorbis"], lambda read_at: "vorbis"),
    "mp3": _codec_of_mpeg,
}
"""By the format's name: the word for what is in a file that begins with its first byte."""
