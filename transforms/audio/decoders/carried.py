"""Decoding a stream that lies in the place of another file's samples: DTS in a FLAC, say."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from dataclasses import replace

import av
import numpy as np

from tonearm.transforms.audio.decoders.decoder import DecoderError
from tonearm.transforms.audio.decoders.downmix import Block, mix
from tonearm.transforms.audio.decoders.ffmpeg import FfmpegDecoder
from tonearm.transforms.audio.decoders.packets import Promise
from tonearm.transforms.audio.formats.audio_format import AudioFormat, nowhere
from tonearm.transforms.audio.formats.claim import Claim
from tonearm.transforms.audio.identification import Identified, may_hold_stream, stream_in_samples

_LOSSLESS = (
    "pcm_s",
    "pcm_f",
    "pcm_bluray",
    "pcm_dvd",
    "flac",
    "alac",
    "wavpack",
    "tta",
    "ape",
    "tak",
    "shorten",
)
"""Codecs, by the beginning of their names, that give back the bits that were put in."""

_LOOKED_AT_AS_BYTES = "pcm_s16"
"""What lies in a file as a cable has it was looked at when the file was identified; FFmpeg takes longer."""

_CABLE_CHANNELS = 2
_SAMPLE_BYTES = 2 * _CABLE_CHANNELS
_LOOKED_AT_SAMPLES = 1 << 15
"""Samples per channel, from the first that is not silent, among which a few frames or bursts are found."""

_SILENT_SAMPLES = 1 << 19
"""For so long, ten seconds, silence may come first."""


class Samples(io.RawIOBase):
    """Samples as a digital cable carries them: words of 16 bits, low byte first, channel by channel.

    Args:
        frames: What a decoder yields.

    Attributes:
        silent_bytes: How many bytes of silence came first, which are not passed on.
        bytes_read: How many bytes were asked for so far, without those.
    """

    def __init__(self, frames: Iterator[av.AudioFrame]) -> None:
        super().__init__()
        self._frames = frames
        self._left = b""
        self.bytes_read = self.silent_bytes = 0

    def readable(self) -> bool:
        """It can be read."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read on, as far as one frame goes."""
        while not self._left:
            frame = next(self._frames, None)
            if frame is None:
                return 0
            self._left = self._without_silence(words_of(frame))
        count = min(len(buffer), len(self._left))
        buffer[:count], self._left = self._left[:count], self._left[count:]
        self.bytes_read += count
        return count

    def _without_silence(self, words: bytes) -> bytes:
        """Leave out zeros, a whole number of samples, as long as nothing else came."""
        if self.bytes_read:
            return words
        sound = words.lstrip(b"\0")
        silent_bytes = (len(words) - len(sound)) // _SAMPLE_BYTES * _SAMPLE_BYTES
        self.silent_bytes += silent_bytes
        return words[silent_bytes:]


class CarriedDecoder(FfmpegDecoder):
    """A stream that another file carries as its samples, both read through FFmpeg.

    Args:
        descriptor: Open file descriptor; stays the caller's.
        carrier: What the file is by its own word.
        carried: What its samples are.
        claim: What the carrier says about its length.

    Raises:
        DecoderError: FFmpeg cannot read the one or the other.
    """

    def __init__(self, descriptor: int, carrier: Identified, carried: AudioFormat, claim: Claim) -> None:
        end = os.fstat(descriptor).st_size if carrier.end is None else carrier.end
        self._carrier = FfmpegDecoder(descriptor, carrier.audio_format, carrier.start, end, claim.corrections)
        self._claim = claim
        self._samples = Samples(self._carrier.frames())
        try:
            super().__init__(descriptor, carried, source=self._samples)
        except BaseException:
            self._carrier.close()
            raise
        self.info = replace(self.info, duration_s=self._carrier.info.duration_s)

    @property
    def promise(self) -> Promise:
        """What the packets of both were to give; broken off where the carrier lacks samples it states."""
        carrier, carried = self._carrier.promise, super().promise
        channels = self._carrier.info.channels
        samples = (self._samples.silent_bytes + self._samples.bytes_read) // (2 * channels)
        return Promise(
            packets=carried.packets,
            failed=carried.failed + carrier.failed,
            skipped_bytes=carrier.skipped_bytes,
            broke_off=carried.broke_off or carrier.broke_off or self._claim.is_missed_by(samples),
        )

    def blocks(self) -> Iterator[Block]:
        """Yield the signal, the silence before it included."""
        info = self._carrier.info
        silent = self._samples.silent_bytes // (2 * info.channels)
        if silent:
            yield mix(np.zeros((1, silent), np.float32), info.sample_rate_hz)
        yield from super().blocks()

    def close(self) -> None:
        """Release what FFmpeg holds."""
        super().close()
        self._carrier.close()


def carried_stream(descriptor: int, identified: Identified, claim: Claim, codec: str) -> AudioFormat | None:
    """What the samples of a lossless file are, where they are no sound but the frames of another format.

    Two channels are looked at, as a cable or a disc has them; chance does not make several frames in a row.

    Args:
        descriptor: Open file descriptor; stays the caller's, and where it is.
        identified: What the file is by its own word.
        claim: What it says about its length.
        codec: The word for its codec.
    """
    audio_format = identified.audio_format
    is_looked_at = audio_format.samples_at is not nowhere and codec == _LOOKED_AT_AS_BYTES
    if is_looked_at or not codec.startswith(_LOSSLESS) or not audio_format.demuxer:
        return None
    position = os.lseek(descriptor, 0, os.SEEK_CUR)
    try:
        words = _first_words(descriptor, identified, claim)
    except DecoderError:
        return None
    finally:
        os.lseek(descriptor, position, os.SEEK_SET)
    found = stream_in_samples(words)
    return None if found is None else found[0]


def _first_words(descriptor: int, identified: Identified, claim: Claim) -> bytes:
    """The first samples that are not silent; none if a first look at few of them is enough.

    Music is seldom looked at for longer: to decode a second of it twice takes longer than to open the file.
    """
    end = os.fstat(descriptor).st_size if identified.end is None else identified.end
    decoder = FfmpegDecoder(descriptor, identified.audio_format, identified.start, end, claim.corrections)
    try:
        if decoder.info.channels > _CABLE_CHANNELS:
            return b""
        frame_bytes, words, silent, suspected = 2 * decoder.info.channels, b"", 0, None
        for frame in decoder.frames():
            piece = words_of(frame)
            if not words and not any(piece):
                silent += frame.samples
            else:
                words += piece
            if suspected is None and (suspected := may_hold_stream(words)) is False:
                return b""
            if len(words) >= frame_bytes * _LOOKED_AT_SAMPLES or silent >= _SILENT_SAMPLES:
                break
        return words
    finally:
        decoder.close()


def words_of(frame: av.AudioFrame) -> bytes:
    """The upper 16 bits of a frame's samples, channel by channel, low byte first."""
    numbers: np.ndarray = frame.to_ndarray()
    if frame.format.is_planar:
        numbers = numbers.T
    numbers = numbers.reshape(-1)
    if numbers.dtype == np.int32:
        numbers = numbers >> 16
    elif numbers.dtype.kind == "f":
        with np.errstate(over="ignore", invalid="ignore"):
            numbers = np.nan_to_num(np.clip(np.rint(numbers * 32768), -32768, 32767))
    return numbers.astype("<i2").tobytes()
