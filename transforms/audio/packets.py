"""Counting a container's packets while they are decoded: how much sound they promise, and which gave none."""

from __future__ import annotations

from dataclasses import dataclass

import av

SHORTEST_BLANK_BYTES = 16
"""A shorter packet of zeros may be a codec's way of saying silence."""

LONGEST_GAP_S = 600.0
"""A longer leap of the time stamps is a broken or a new clock, and no sound that was lost."""

_STEP_BACK_S = 1.0
"""Time stamps of one stream may step back by less, where a container rounds them."""

_ZERO_IS_SILENCE = ("pcm_", "adpcm_", "dsd_", "g72", "gsm")
"""Codecs, by the beginning of FFmpeg's name, in which packets of zeros are ordinary sound."""


@dataclass(frozen=True, slots=True)
class Promise:
    """What the packets of a file, or of a part of it, were to give.

    Attributes:
        seconds: Length by the packets' time stamps, or by their number; 0 where they say nothing.
        packets: How many there are.
        failed: How many of them gave no sound, those aside that come before the first sound of a bare stream.
        skipped_bytes: Bytes between packets that belong to none, in streams where packets stand end to end.
        broke_off: True if the container could not be read to its end.
        stated_s: Length that the container's header states for this stream, where it does; None otherwise.
    """

    seconds: float = 0.0
    packets: int = 0
    failed: int = 0
    skipped_bytes: int = 0
    broke_off: bool = False
    stated_s: float | None = None

    def __add__(self, other: Promise) -> Promise:
        return Promise(
            self.seconds + other.seconds,
            self.packets + other.packets,
            self.failed + other.failed,
            self.skipped_bytes + other.skipped_bytes,
            self.broke_off or other.broke_off,
        )


class PacketCount:
    """Counts the packets of one stream as they are demuxed.

    Args:
        stream: The stream.
        bare: True if packets stand end to end in the file, without a container around them: what lies
            between them is sound that was lost, unless it is a tag, and what precedes the first one is not.
    """

    def __init__(self, stream: av.AudioStream, *, bare: bool) -> None:
        self._time_base = float(stream.time_base or 0)
        self._bare = bare
        name = stream.codec_context.codec.canonical_name
        self._zero_is_silence = name.startswith(_ZERO_IS_SILENCE)
        self._step_back = round(_STEP_BACK_S / self._time_base) if self._time_base else 0
        self._longest_gap = round(LONGEST_GAP_S / self._time_base) if self._time_base else 0
        self._start: int | None = None
        self._last = self._end = 0
        self._ticks = 0
        self._packets = self._failed = self._skipped_bytes = 0
        self._next_byte = -1
        self._heard = False
        self._broke_off = False

    def see(self, packet: av.Packet[av.AudioStream]) -> None:
        """Count a packet before it is decoded."""
        self._packets += 1
        pts = packet.pts
        if pts is not None:
            if self._start is None:
                self._start = pts
            elif pts < self._last - self._step_back or pts > self._end + self._longest_gap:
                self._ticks += self._end - self._start
                self._start = pts
            self._last = pts
            duration = packet.duration or 0
            self._end = pts + duration if duration < self._longest_gap else pts  # FFmpeg's can be 2**32 - 1
        if self._bare:
            self._find_gap(packet)

    def _find_gap(self, packet: av.Packet[av.AudioStream]) -> None:
        position = packet.pos
        if position is None or position < 0:
            return
        if position > self._next_byte >= 0:
            self._skipped_bytes += position - self._next_byte
        self._next_byte = position + packet.size

    def is_blank(self, packet: av.Packet[av.AudioStream]) -> bool:
        """True if zeros stand in the place of a packet: a hole that a broken download or disk left."""
        if self._zero_is_silence or packet.size < SHORTEST_BLANK_BYTES:
            return False
        return memoryview(packet)[0] == 0 and not any(bytes(packet))

    def fail(self) -> None:
        """Count a packet that gave no sound."""
        if self._heard or not self._bare:
            self._failed += 1

    def hear(self) -> None:
        """Note that there was sound."""
        self._heard = True

    def break_off(self) -> None:
        """Note that the container cannot be read to its end."""
        self._broke_off = True

    @property
    def promise(self) -> Promise:
        """What has been promised so far."""
        ticks = self._ticks + (0 if self._start is None else self._end - self._start)
        return Promise(
            ticks * self._time_base, self._packets, self._failed, self._skipped_bytes, self._broke_off
        )
