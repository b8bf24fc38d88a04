"""Decoding with FFmpeg (PyAV): every format, and first choice where libsndfile is slower or has none."""

from __future__ import annotations

import io
import os
from collections.abc import Generator, Iterator, Sequence
from dataclasses import replace
from itertools import chain
from typing import Any, cast

import av
import av.container

from tonearm.transforms.audio.decoders.decoder import (
    AudioInfo,
    DecoderError,
    library_errors,
    require_plausible,
)
from tonearm.transforms.audio.decoders.downmix import Block
from tonearm.transforms.audio.decoders.ffmpeg_frames import blocks_of
from tonearm.transforms.audio.decoders.packets import PacketCount, Promise
from tonearm.transforms.audio.formats.audio_format import AudioFormat
from tonearm.transforms.audio.formats.claim import Correction
from tonearm.transforms.audio.formats.families.ogg import OGG_VORBIS
from tonearm.transforms.audio.part_of_file import PartOfFile

_MAX_FRAME_SAMPLES = 1 << 22

_ERRORS_IN_A_ROW = 64
"""After so many errors in a row the demuxer is taken to make no more progress."""

_BARE = ("mp3", "aac", "loas", "ac3", "eac3", "dts", "dtshd", "truehd", "mlp", "amr")
"""Demuxers of streams in which packets lie end to end, without a container around them."""

_ADJOINING = ("matroska", "flv")
"""Demuxers of containers in which the packets of a single stream lie side by side but for their headers."""

_GUESSES_STREAM_LENGTH = ("asf", "nut", "swf")
"""Demuxers whose ``stream.duration`` may be a guess from the bit rate of all streams together."""

_STATES_WHOLE_LENGTH = ("matroska", "flv", "wtv", "gxf")
"""Demuxers that know the container's length only: with one stream in it, that of the stream."""

_CHECKSUMMED = ("flac", "wavpack", "tta", "ape")
"""Codecs whose packets bear a checksum that FFmpeg looks at on request only."""

_BETTER_DECODERS = {"opus": "libopus", "amrnb": "libopencore_amrnb", "amrwb": "libopencore_amrwb"}
"""Decoders that take the place of those that FFmpeg itself would choose."""


class FfmpegDecoder:
    """An open file, read through FFmpeg's demuxer and decoder, both named by us.

    FFmpeg would otherwise guess the format, and some of its formats are lists of other files and URLs. Its
    ``fd`` protocol reads the descriptor that we opened, and no other protocol is allowed, so that nothing
    inside the file can make it open anything else.

    Args:
        descriptor: Open file descriptor; stays the caller's, its position moves.
        audio_format: What the file is.
        start: Offset of what is decoded; what comes before is not shown to FFmpeg.
        end: Offset of what comes behind it and is not shown either; None for the end of the file.
        corrections: What FFmpeg sees in the place of what is in the file.
        source: What FFmpeg reads in the place of the whole file.

    Raises:
        DecoderError: FFmpeg cannot read the file, or there is no audio in it.
    """

    def __init__(
        self,
        descriptor: int,
        audio_format: AudioFormat,
        start: int = 0,
        end: int | None = None,
        corrections: Sequence[Correction] = (),
        source: io.RawIOBase | None = None,
    ) -> None:
        os.lseek(descriptor, 0, os.SEEK_SET)
        options = {"fd": str(descriptor), "protocol_whitelist": "fd"}
        with library_errors("FFmpeg"):
            whole = start == 0 and end is None and not corrections
            self._container: av.container.InputContainer = av.open(
                source or ("fd:" if whole else PartOfFile(descriptor, start, end, corrections)),
                mode="r",
                format=audio_format.demuxer,
                options=options,
                metadata_errors="replace",  # tags are in any encoding, and nobody reads them here
            )
            try:
                self._stream = _choose_stream(self._container)
                self._codec = _prepare_codec(self._stream)
                self._demuxer, self._states_length = audio_format.demuxer, audio_format.states_length
                self._alone = len(self._container.streams) == 1
                states_whole = self._demuxer in (*_STATES_WHOLE_LENGTH, "asf")
                self._watched = _timed_streams(self._container) if states_whole else [self._stream]
                self._ends: dict[int, float] = {}
                self._latest: Sequence[av.AudioFrame] = ()
                self._count = PacketCount(
                    self._stream,
                    bare=self._demuxer in _BARE,
                    guarded=self._demuxer == "ogg",
                    adjoining=self._alone and self._demuxer in _ADJOINING,
                    periodic=self._demuxer == "spdif",
                )
                self._frames = self._decode()
                self._first = self._first_frame()
                self.info = self._read_info(self._first)
                self._stated, self._whole = self._stated_s(), self._whole_s()
                self._lead_samples = _lead_samples(self._first, audio_format)
            except BaseException:
                self._container.close()
                raise

    def _first_frame(self) -> av.AudioFrame:
        first = next(self._frames, None)
        if first is None:
            raise DecoderError("FFmpeg: no frame can be decoded")
        return first

    def _read_info(self, first: av.AudioFrame) -> AudioInfo:
        """Describe the stream by its first frame, since headers understate what HE-AAC decodes to."""
        require_plausible(first.sample_rate, first.layout.nb_channels)
        return AudioInfo(
            codec=_codec_word(self._codec.codec.canonical_name),
            sample_rate_hz=first.sample_rate,
            channels=first.layout.nb_channels,
            duration_s=self._duration_s(),
        )

    def _duration_s(self) -> float | None:
        if self._stream.duration is not None and self._stream.time_base is not None:
            return float(self._stream.duration * self._stream.time_base)
        duration_us = self._container.duration
        return None if duration_us is None else duration_us / av.time_base

    @property
    def reads_samples(self) -> int | None:
        """None: FFmpeg reads to the end."""
        return None

    @property
    def promise(self) -> Promise:
        """After the last block: what the packets were to give."""
        reached_s = max(self._ends.values(), default=0.0) - self._begins_s
        counted = self._count.promise
        return replace(
            counted,
            seconds=max(counted.seconds - self._unfilled_s, 0.0),
            stated_s=self._stated,
            whole_s=self._whole,
            reached_s=max(reached_s, 0.0),
        )

    @property
    def _unfilled_s(self) -> float:
        """By how much the last packet gave less than the container says."""
        decoded_s = sum(frame.samples / frame.sample_rate for frame in self._latest)
        return max(self._count.last_packet_s - decoded_s, 0.0) if decoded_s else 0.0

    def _stated_s(self) -> float | None:
        """The stream's length by the container's header; None where FFmpeg guesses it from the bit rate."""
        demuxer, stated = self._demuxer, self._stream.duration
        if self._alone and demuxer in _STATES_WHOLE_LENGTH:
            return self._duration_s()
        is_word = self._states_length and demuxer not in (*_GUESSES_STREAM_LENGTH, *_STATES_WHOLE_LENGTH)
        if stated and self._stream.time_base and is_word:
            return float(stated * self._stream.time_base)
        return None

    def _whole_s(self) -> float | None:
        """The length of the longest of several streams by the container's header, where it says no more."""
        duration_us = self._container.duration
        states_whole = not self._alone and self._demuxer in _STATES_WHOLE_LENGTH
        return duration_us / av.time_base if states_whole and duration_us is not None else None

    @property
    def _begins_s(self) -> float:
        """The time stamp that the container begins with."""
        return (self._container.start_time or 0) / av.time_base

    def _decode(self) -> Generator[av.AudioFrame, None, None]:
        """Yield the stream's frames; packets that cannot be decoded are left out and counted.

        Where the demuxer trips over damage it is asked to go on behind it.
        """
        errors, several = 0, len(self._watched) > 1
        with library_errors("FFmpeg"):
            while errors < _ERRORS_IN_A_ROW:
                try:
                    for packet in self._container.demux(*self._watched):
                        errors = 0
                        if several:
                            self._note_end(packet)
                        if not several or packet.stream is self._stream:
                            yield from self._decoded(packet)
                except av.FFmpegError:
                    errors += 1
                else:
                    return
        self._count.break_off()

    def _note_end(self, packet: av.Packet[Any]) -> None:
        """Note how far a stream has come, so that one that ends before the others is not taken to be cut."""
        if packet.pts is not None and packet.time_base:
            ends_s = float((packet.pts + (packet.duration or 0)) * packet.time_base)
            self._ends[packet.stream_index] = ends_s

    def _decoded(self, packet: av.Packet[Any]) -> Sequence[av.AudioFrame]:
        """The frames of a packet; none if it is a hole or cannot be decoded."""
        count = self._count
        if not count.see(packet):
            count.pass_over(packet)
            return ()
        try:
            frames = self._codec.decode(packet)
        except av.FFmpegError:
            if packet.size:  # an empty one is a container's way of changing a header
                count.fail(packet)
            return ()
        if frames:
            self._latest = frames
            if count.listens:
                count.hear()
        return frames

    def frames(self) -> Iterator[av.AudioFrame]:
        """Yield the signal as FFmpeg has it, in place of :meth:`blocks`."""
        return chain([self._first], self._frames)

    def blocks(self) -> Iterator[Block]:
        """Yield the signal in blocks; raises DecoderError where FFmpeg cannot go on."""
        to_skip = self._lead_samples
        with library_errors("FFmpeg"):
            for block in blocks_of(self.frames(), self.info.channels):
                yield block.without_first(to_skip) if to_skip else block
                to_skip = max(0, to_skip - len(block.samples))

    def close(self) -> None:
        """Release what FFmpeg holds."""
        self._frames.close()
        self._container.close()


def _choose_stream(container: av.container.InputContainer) -> av.AudioStream:
    """The audio stream that a player would take: the first one marked as default, or else the first."""
    streams = container.streams.audio
    if not streams:
        raise DecoderError("there is no audio stream", no_audio=True)
    marked = (stream for stream in streams if stream.disposition & av.stream.Disposition.default)
    return next(marked, streams[0])


def _timed_streams(container: av.container.InputContainer) -> list[av.stream.Stream]:
    """The streams that a container's length may be that of."""
    streams = container.streams
    return [*streams.audio, *streams.video, *streams.subtitles]


def _prepare_codec(stream: av.AudioStream) -> av.AudioCodecContext:
    """The stream's decoder, for one thread and for frames of bounded size.

    FFmpeg's own decoder of Opus is a quarter faster than libopus, but errs audibly at low bit rates (10 to
    40 dB below the signal up to 32 kbit/s) and puts out noise for surround. Those of AMR fail in every pause
    of a recording whose pauses were not sent.
    """
    codec = stream.codec_context
    if codec is None:
        raise DecoderError("FFmpeg: no decoder for the audio stream")
    options = {"max_samples": str(_MAX_FRAME_SAMPLES)}
    better = _BETTER_DECODERS.get(codec.name)
    if better is not None:
        declared, codec = codec, cast("av.AudioCodecContext", av.CodecContext.create(better, "r"))
        codec.extradata, codec.layout = declared.extradata, declared.layout
        codec.sample_rate = declared.sample_rate
        options["request_sample_fmt"] = "flt"
    if codec.name in _CHECKSUMMED:
        options["err_detect"] = "crccheck+explode"
    codec.options = options
    codec.thread_count = 1  # each thread of the pipeline decodes one track
    return codec


def _lead_samples(first: av.AudioFrame, audio_format: AudioFormat) -> int:
    """Samples before time zero, which Vorbis encoders and cutting tools leave to the player to drop."""
    if audio_format is not OGG_VORBIS or not first.pts or not first.time_base:
        return 0
    return max(0, round(-first.pts * first.time_base * first.sample_rate))


def _codec_word(name: str) -> str:
    """FFmpeg's codec name without byte order and version: pcm_s16le is pcm_s16, wmav2 is wma."""
    if name.startswith("wma"):
        return "wma"
    if name.startswith("pcm_"):
        return name.removesuffix("_planar").removesuffix("le").removesuffix("be")
    return name
