"""What every decoder offers, and the one way of making a mono signal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import av
import numpy as np

BLOCK_VALUES = 1 << 18
"""Samples times channels in a block at most, 1 MiB of float32.

soundfile seeks to where it is after each block: 0.1 ms in an MP3, 5 % of decoding it in blocks half as long.
"""

LOWEST_RATE_HZ = 4_000
HIGHEST_RATE_HZ = 768_000


@dataclass(frozen=True, slots=True)
class AudioInfo:
    """What a file says about its audio stream.

    Attributes:
        codec: A stable lower-case word: mp3, aac, alac, flac, pcm_s16, pcm_f32, vorbis, opus, wma, ...
        sample_rate_hz: Sample rate of the file and of the blocks.
        channels: Number of channels in the file.
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
    """One library at work on one open file."""

    info: AudioInfo

    def blocks(self) -> Iterator[np.ndarray]:
        """Yield mono blocks, float32 ``[samples]``; raises DecoderError where it cannot go on."""
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
    """Say what a library complains about, without the descriptor that it knows the file by."""
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


def mean_of_channels(channels: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
    """Mix down to mono: float32 ``[samples]`` from channels of any number type, ``[samples]`` each.

    One by one, which is several times faster than ``mean(axis=0)``; the same bits for two channels.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # the reader looks for infinities itself
        if len(channels) == 1:
            return channels[0].astype(np.float32)
        mono = np.add(channels[0], channels[1], dtype=np.float32)
        for channel in channels[2:]:
            mono += channel.astype(np.float32, copy=False)
        mono *= np.float32(1 / len(channels))  # a division makes the mix take half as long again
    return mono
