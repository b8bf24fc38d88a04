"""What every decoder offers, and how the errors of codec libraries are reported."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import av

from tonearm.transforms.audio.decoders.downmix import Block
from tonearm.transforms.audio.decoders.packets import Promise

BLOCK_VALUES = 1 << 18
"""Samples times channels in a block at most, 1 MiB of float32.

The library soundfile seeks to its own place after each block, which takes 0.1 ms in an MP3: with blocks half
as long, 5 % of the time.
"""

LOWEST_RATE_HZ = 4_000
HIGHEST_RATE_HZ = 3_072_000
"""That of DSD512, of which FFmpeg makes an eighth of its one-bit samples, at 48 kHz."""


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """What a file says about its audio stream.

    Attributes:
        codec: A stable lower-case word: mp3, aac, alac, flac, pcm_s16, pcm_f32, vorbis, opus, wma, ...
        sample_rate_hz: Sample rate at the file's start; chained streams may change it on the way.
        channels: Number of channels at the file's start.
        duration_s: Length that the container states, in seconds; None where it does not.
    """

    codec: str
    sample_rate_hz: int
    channels: int
    duration_s: float | None


class DecoderError(Exception):
    """A decoder cannot open a file or cannot go on; another one perhaps can.

    Args:
        message: A sentence for people.
        no_audio: True if the file was understood and holds no audio stream.
        retriable: True if the machine and not the file is to blame.
    """

    def __init__(self, message: str, *, no_audio: bool = False, retriable: bool = False) -> None:
        super().__init__(message)
        self.no_audio = no_audio
        self.retriable = retriable


class AudioDecoder(Protocol):
    """One codec library, decoding one open file."""

    info: AudioInfo

    def blocks(self) -> Iterator[Block]:
        """Yield the signal; raises DecoderError where it cannot go on."""
        ...

    @property
    def reads_samples(self) -> int | None:
        """Samples per channel after which the library stops, whatever follows; None if it reads all."""
        ...

    @property
    def promise(self) -> Promise:
        """After the last block: what the packets that it met were to give."""
        ...

    def close(self) -> None:
        """Release what the library holds."""
        ...


@contextmanager
def library_errors(library: str) -> Iterator[None]:
    """Turn whatever a codec library throws into a DecoderError.

    Hostile bytes make the libraries raise errors of many classes, so all of them are caught.
    """
    try:
        yield
    except DecoderError:
        raise
    except Exception as error:
        lacks_memory = isinstance(error, MemoryError) and not isinstance(error, av.FFmpegError)
        raise DecoderError(f"{library}: {_reason(error)}", retriable=lacks_memory) from error


def _reason(error: Exception) -> str:
    """A library's complaint, without the number of the descriptor that it names the file by."""
    reason = getattr(error, "strerror", None) or getattr(error, "error_string", None)
    return str(reason or error or type(error).__name__)


def require_plausible(sample_rate_hz: int, channels: int) -> None:
    """Refuse streams that only a broken header describes, before anything is sized by it.

    Raises:
        DecoderError: The rate is out of range or there is no channel.
    """
    if not LOWEST_RATE_HZ <= sample_rate_hz <= HIGHEST_RATE_HZ:
        raise DecoderError(f"sample rate of {sample_rate_hz} Hz")
    if channels < 1:
        raise DecoderError("no channels")


def block_samples(channels: int, values: int = BLOCK_VALUES) -> int:
    """Samples per channel in a block, so that its memory does not depend on the channels."""
    return max(values // channels, 1)
