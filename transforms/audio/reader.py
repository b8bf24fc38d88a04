"""Decoding: from a file of any audio format to mono blocks at the file's own rate."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np

from tonearm.transforms.audio.claimed_length import read_claim
from tonearm.transforms.audio.decoder import AudioDecoder, AudioInfo, DecoderError
from tonearm.transforms.audio.ffmpeg import FfmpegDecoder
from tonearm.transforms.audio.formats.audio_format import AudioFormat, Decoder
from tonearm.transforms.audio.formats.claim import Claim, ReadAt
from tonearm.transforms.audio.formats.ogg import OGG_VORBIS
from tonearm.transforms.audio.identification import Identified, identify_file
from tonearm.transforms.audio.libsndfile import LibsndfileDecoder
from tonearm.transforms.audio.vorbis import sound_begins_among_headers
from tonearm.transforms.elements.failure import ErrorWord, Stage, TrackError

__all__ = ["AudioInfo", "AudioReader", "open_audio", "open_audio_descriptor", "open_regular_file"]

DecoderType = Callable[[int, AudioFormat, int], AudioDecoder]

DECODERS: Mapping[Decoder, DecoderType] = {
    Decoder.LIBSNDFILE: LibsndfileDecoder,
    Decoder.FFMPEG: FfmpegDecoder,
}
"""The decoders by the names that the registry of formats knows them by."""


class AudioReader:
    """An open audio file, to be iterated once: ``with open_audio(path) as reader: ... reader.blocks()``.

    Attributes:
        info: What the file says about itself.
    """

    def __init__(self, descriptor: int, identified: Identified, claim: Claim) -> None:
        audio_format = identified.audio_format
        self._descriptor = descriptor
        self._identified = identified
        self._claim = claim
        self._untried = _decoders_for(descriptor, audio_format)
        self._samples = 0
        self._failed = False
        self._decoder = self._open_next_decoder()
        self.info = _with_claimed_duration(self._decoder.info, audio_format, claim)

    @property
    def decoded_s(self) -> float:
        """Length of what was yielded so far, in seconds."""
        return self._samples / self.info.sample_rate_hz

    @property
    def truncated(self) -> bool:
        """After the last block: True if the file ends, or breaks off, before it says it should."""
        return self._claim.cut or self._failed or self._claim.is_missed_by(self._samples)

    def blocks(self) -> Iterator[np.ndarray]:
        """Yield the signal in blocks of bounded size.

        A decoder that gives up in the middle, or stops short of what the header says although the bytes are
        there, is followed by the next one, which starts over and leaves out as many samples as were yielded.
        Where bytes in between are lost to both, what follows moves up.

        Yields:
            Float32 mono ``[samples]``, the mean of the channels, at ``info.sample_rate_hz``.

        Raises:
            TrackError: ``undecodable`` if there is not one sample, ``non_finite`` if samples are infinite,
                absurdly large or not numbers.
        """
        failure: DecoderError | None = None
        while True:
            samples_before = self._samples
            try:
                yield from self._new_blocks()
            except DecoderError as error:
                failure = error
            else:
                failure = None if self._samples > samples_before else failure
            if not self._breaks_off(failure) or not self._switch_decoder():
                break
        self._failed = failure is not None
        if self._samples == 0:
            raise _undecodable(failure or DecoderError("the audio stream is empty"))

    def _new_blocks(self) -> Iterator[np.ndarray]:
        """Blocks of the current decoder without what an earlier one has yielded already."""
        to_skip = self._samples
        for block in self._decoder.blocks():
            new = block[to_skip:]
            to_skip -= len(block) - len(new)
            if len(new):
                _require_finite(new)
                self._samples += len(new)
                yield new

    def _breaks_off(self, failure: DecoderError | None) -> bool:
        """True if another decoder may get more out of the file than there is so far."""
        stops_short = self._claim.is_missed_by(self._samples) and not self._claim.cut
        return failure is not None or self._samples == 0 or stops_short

    def _switch_decoder(self) -> bool:
        """Put the next decoder in the place of the current one; False if there is none for this file."""
        self._decoder.close()
        try:
            self._decoder = self._open_next_decoder()
        except DecoderError:
            return False
        return self._decoder.info.sample_rate_hz == self.info.sample_rate_hz

    def _open_next_decoder(self) -> AudioDecoder:
        """Open the file with the first decoder that can; raises what the first one of them raised."""
        failures: list[DecoderError] = []
        while self._untried:
            try:
                decoder = self._untried.pop(0)
                return decoder(self._descriptor, self._identified.audio_format, self._identified.start)
            except DecoderError as error:
                failures.append(error)
        raise failures[0] if failures else DecoderError("no further decoder")

    def close(self) -> None:
        """Close the file; blocks can no longer be read."""
        if self._descriptor >= 0:
            self._decoder.close()
            os.close(self._descriptor)
            self._descriptor = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _decoders_for(descriptor: int, audio_format: AudioFormat) -> list[DecoderType]:
    """The decoders of a file, in the order in which they are tried."""
    decoders = [DECODERS[name] for name in audio_format.decoders]
    if audio_format is OGG_VORBIS and sound_begins_among_headers(_reader_of(descriptor)):
        decoders.reverse()
    return decoders


def _reader_of(descriptor: int) -> ReadAt:
    size = os.fstat(descriptor).st_size
    return lambda offset, length: os.pread(descriptor, length, min(offset, size))


def open_audio(path: str | Path) -> AudioReader:
    """Open an audio file of any format; its name says nothing and may be ``/proc/self/fd/N``.

    Args:
        path: A local file.

    Returns:
        A reader, to be closed or used as a context manager, by one thread.

    Raises:
        TrackError: Stage decode; ``empty``, ``not_audio`` (also a film without sound), ``undecodable``, or
            ``not_found``, ``forbidden``, ``unreadable`` where there is no file to be read.
    """
    return open_audio_descriptor(open_regular_file(path))


def open_audio_descriptor(descriptor: int) -> AudioReader:
    """As :func:`open_audio`, from an open file, which is the reader's from now on, also if it fails."""
    try:
        return _open_descriptor(descriptor)
    except BaseException:
        os.close(descriptor)
        raise


def _open_descriptor(descriptor: int) -> AudioReader:
    size = os.fstat(descriptor).st_size
    if size == 0:
        raise TrackError(Stage.DECODE, ErrorWord.EMPTY, "the file has no bytes")
    read_at = _reader_of(descriptor)
    identified = identify_file(read_at)
    if identified is None:
        raise TrackError(Stage.DECODE, ErrorWord.NOT_AUDIO, "the bytes are of no known audio format")
    if not identified.audio_format.decoders:
        message = f"there is no decoder for {identified.audio_format.title}"
        raise TrackError(Stage.DECODE, ErrorWord.UNDECODABLE, message)
    claim = read_claim(read_at, size, identified)
    try:
        return AudioReader(descriptor, identified, claim)
    except DecoderError as error:
        if error.no_audio and not claim.cut:  # a cut file may have lost the entry of its audio stream
            raise TrackError(Stage.DECODE, ErrorWord.NOT_AUDIO, str(error)) from error
        raise _undecodable(error) from error


def open_regular_file(path: str | Path) -> int:
    """Open a file for reading; a pipe or a device, which could block for ever, is refused.

    Returns:
        Its descriptor, the caller's to close.

    Raises:
        TrackError: ``not_found``, ``forbidden`` or ``unreadable``.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise TrackError(Stage.DECODE, ErrorWord.NOT_FOUND, "there is no such file") from error
    except PermissionError as error:
        raise TrackError(Stage.DECODE, ErrorWord.FORBIDDEN, "the file may not be read") from error
    except (OSError, ValueError) as error:
        raise TrackError(Stage.DECODE, ErrorWord.UNREADABLE, f"the file cannot be opened: {error}") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise TrackError(Stage.DECODE, ErrorWord.UNREADABLE, "not a regular file")
    return descriptor


def _undecodable(error: DecoderError) -> TrackError:
    return TrackError(Stage.DECODE, ErrorWord.UNDECODABLE, str(error), retriable=error.retriable)


def _with_claimed_duration(info: AudioInfo, audio_format: AudioFormat, claim: Claim) -> AudioInfo:
    """The container's own length where the decoder shows a guess, or what it found instead."""
    if claim.samples is not None:
        return replace(info, duration_s=claim.samples / info.sample_rate_hz)
    if not audio_format.states_length:
        return replace(info, duration_s=None)
    return info


def _require_finite(block: np.ndarray) -> None:
    """Refuse infinities, NaN and numbers whose squares overflow: one dot product sees them all."""
    with np.errstate(over="ignore", invalid="ignore"):
        energy = np.dot(block, block)
    if not np.isfinite(energy):
        raise TrackError(
            Stage.DECODE, ErrorWord.NON_FINITE, "samples are infinite, absurdly large or no numbers"
        )
