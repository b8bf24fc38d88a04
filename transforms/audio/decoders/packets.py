"""Counting a container's packets while they are decoded: how much sound they promise, and which gave none."""

from __future__ import annotations

from dataclasses import dataclass

import av

SHORTEST_BLANK_BYTES = 16
"""A shorter packet of zeros may be a codec's way of saying silence."""

_SHORTEST_BLANK_AMR_BYTES = 6
"""Zeros are a frame of AMR that says that it is damaged, of 13 bytes or less."""

SLACK_BYTES = 4096
"""Bytes behind the last packet of a bare stream that are no sound: a tag, or a writer's leftovers."""

LONGEST_HEADERS_BYTES = 2048
"""What a container has between two packets of its only stream: headers of the packet and of its cluster."""

LONGEST_GAP_S = 600.0
"""A longer leap of the time stamps is a broken or a new clock, and no sound that was lost."""

_COPIED_BYTES = 2048
"""Shorter packets are copied to be looked at, which takes half as long as a view of them."""

_LONG_AGO = -(1 << 62)
"""Before any time stamp, so that the first one begins a stretch."""

_STEP_BACK_S = 1.0
"""Time stamps of one stream may step back by less, where a container rounds them."""

_ZERO_IS_SILENCE = ("pcm_", "adpcm_", "dsd_", "g72", "gsm")
"""Codecs, by the beginning of FFmpeg's name, in which packets of zeros are ordinary sound."""


@dataclass(frozen=True, slots=True)
class Promise:
    """What the packets of a file, or of a part of it, were to give.

    Attributes:
        seconds: Length by the packets' time stamps; 0 for streams that have none, as what FFmpeg makes up for
            them is counted at the rate of the first packet.
        packets: How many there are.
        failed: How many of them gave no sound, those aside that come before the first sound of a bare stream.
        skipped_bytes: Bytes between packets that belong to none, in streams where packets lie end to end.
        broke_off: True if the container could not be read to its end.
        stated_s: Length that the container's header states for this stream, where it does; None otherwise.
        whole_s: Length that it states for the longest of several streams, where it says no more.
        reached_s: Where the last packets of all those streams end.
    """

    seconds: float = 0.0
    packets: int = 0
    failed: int = 0
    skipped_bytes: int = 0
    broke_off: bool = False
    stated_s: float | None = None
    whole_s: float | None = None
    reached_s: float = 0.0

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

    Attributes:
        heard: True once there was sound.
        listens: False while packet after packet gives sound, so that it need not be told of each.

    Args:
        stream: The stream.
        bare: True if packets lie end to end in the file, without a container around them: what lies
            between them is sound that was lost, unless it is a tag, and what precedes the first one is not.
        adjoining: True if packets lie side by side but for headers of the container: where more lies
            between them, some were lost.
        periodic: True if packets begin at equal distances, with silence in between: where one begins later,
            some were lost.
        guarded: True if the container guards its packets by checksums, so that no hole comes through.
    """

    def __init__(
        self,
        stream: av.AudioStream,
        *,
        bare: bool,
        guarded: bool = False,
        adjoining: bool = False,
        periodic: bool = False,
    ) -> None:
        self._time_base = float(stream.time_base or 0)
        self._bare = bare
        self._allowed_gap = 0 if bare else LONGEST_HEADERS_BYTES if adjoining else None
        name = stream.codec_context.codec.canonical_name
        self._may_be_zeros = guarded or name.startswith(_ZERO_IS_SILENCE)
        self._shortest_blank = _SHORTEST_BLANK_AMR_BYTES if name.startswith("amr_") else SHORTEST_BLANK_BYTES
        self._longest_step_back = -round(_STEP_BACK_S / self._time_base) if self._time_base else 0
        self._longest_gap = round(LONGEST_GAP_S / self._time_base) if self._time_base else 0
        self._start = self._last = _LONG_AGO
        self._last_packet: av.Packet[av.AudioStream] | None = None
        self._ticks = 0
        self._periodic = periodic
        self._last_byte, self._period_bytes = -1, 0
        self._looks_at_places = periodic or self._allowed_gap is not None
        self._packets = self._failed = self._skipped_bytes = 0
        self._next_byte = -1
        self._tail_failed = self._tail_bytes = self._hole_bytes = 0
        self.heard = False
        self.listens = True
        self._broke_off = False

    def see(self, packet: av.Packet[av.AudioStream]) -> bool:
        """Count a packet before it is decoded; False if zeros lie in its place.

        It is called for each packet, of which MP4 has some fifty for a second of sound: each call and each
        attribute of a packet that it asks for shows in the time that decoding takes.
        """
        self._packets += 1
        pts = packet.pts
        if pts is not None:
            if not self._longest_step_back <= pts - self._last <= self._longest_gap:
                self._begin_stretch(pts)
            self._last = pts
            self._last_packet = packet
        if self._looks_at_places:
            self._look_at_place(packet)
        if self._may_be_zeros:
            return True
        content: bytes | memoryview = bytes(packet) if packet.size < _COPIED_BYTES else memoryview(packet)
        return len(content) < self._shortest_blank or content[0] != 0 or any(content)

    def _begin_stretch(self, pts: int) -> None:
        """Begin to count time anew, where the clock leaps."""
        self._ticks += self._stretch
        self._start = pts

    @property
    def _stretch(self) -> int:
        """Ticks since the clock leapt last; FFmpeg's duration of a packet can be 2**32 - 1."""
        duration = (self._last_packet.duration or 0) if self._last_packet is not None else 0
        return self._last - self._start + (duration if duration < self._longest_gap else 0)

    @property
    def last_packet_s(self) -> float:
        """Length of the last packet by the container's word, which knows full ones only; 0 if it has none."""
        duration = (self._last_packet.duration or 0) if self._last_packet is not None else 0
        return duration * self._time_base if duration < self._longest_gap else 0.0

    def _look_at_place(self, packet: av.Packet[av.AudioStream]) -> None:
        """Look where a packet stands in the file."""
        size = packet.size
        if not size:
            return
        position = packet.pos or 0
        if self._periodic:
            self._look_at_period(position)
        if self._allowed_gap is not None:
            if position > self._next_byte + self._allowed_gap and self._next_byte >= 0:
                self._skipped_bytes += position - self._next_byte
            self._next_byte = position + size

    def _look_at_period(self, position: int) -> None:
        """Hold the distance to the packet before against the shortest one that there was."""
        distance = position - self._last_byte
        if self._last_byte >= 0 and distance > 0:
            self._period_bytes = min(self._period_bytes or distance, distance)
            self._skipped_bytes += distance - self._period_bytes
        self._last_byte = position

    def pass_over(self, packet: av.Packet[av.AudioStream]) -> None:
        """Count zeros in the place of a packet; in a bare stream nobody knows how many packets there were."""
        if not self._bare:
            self.fail(packet)
            return
        self._packets -= 1
        self._hole_bytes += packet.size
        self.listens = True

    def fail(self, packet: av.Packet[av.AudioStream]) -> None:
        """Count a packet that gave no sound."""
        if self.heard or not self._bare:
            self._failed += 1
            self._tail_failed += 1
            self._tail_bytes += packet.size
            self.listens = True

    def hear(self) -> None:
        """Note that a packet gave sound; to be called while ``listens``."""
        self._skipped_bytes += self._hole_bytes if self.heard else 0
        self._hole_bytes = 0
        self.heard, self.listens = True, False
        self._tail_failed = self._tail_bytes = 0

    def break_off(self) -> None:
        """Note that the container cannot be read to its end."""
        self._broke_off = True

    @property
    def promise(self) -> Promise:
        """What has been promised so far."""
        ticks = 0 if self._bare else self._ticks + self._stretch
        ends_in_rubbish = self._bare and self._tail_bytes < SLACK_BYTES
        failed = self._failed - (self._tail_failed if ends_in_rubbish else 0)
        skipped_bytes = self._skipped_bytes + (self._hole_bytes if self._hole_bytes >= SLACK_BYTES else 0)
        return Promise(ticks * self._time_base, self._packets, failed, skipped_bytes, self._broke_off)
