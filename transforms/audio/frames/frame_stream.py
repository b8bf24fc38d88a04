"""Streams of frames without a container around them: found by several frame headers that agree."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

FRAMES_IN_A_ROW = 3
"""How many frame headers must agree before bytes at the very beginning pass for a stream."""

RUBBISH_BYTES_PER_FRAME = 4096
"""For each so many bytes in front of the first frame, one more must agree: chance has more room there."""

MOST_FRAMES_IN_A_ROW = 24
FRAMES_AT_THE_END = 10
"""How many are enough, wherever they begin, if the file ends where the last of them does."""


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """One frame of a bare stream.

    Attributes:
        kind: What all frames of one stream have in common, to be compared only.
        frame_bytes: Length of the frame with its header.
        samples: Samples per channel that the frame decodes to; 0 where nobody asks.
        sample_rate_hz: Sample rate; 0 where nobody asks.
        side_info_bytes: Length of the side information between header and data (MPEG Layer III only).
    """

    kind: tuple[int | str, ...]
    frame_bytes: int
    samples: int = 0
    sample_rate_hz: int = 0
    side_info_bytes: int = 0


HeaderParser = Callable[[bytes, int], FrameHeader | None]
"""``parse(data, offset)`` returns the header at the offset, or None if there is none."""


@dataclass(frozen=True, slots=True)
class FrameStream:
    """How the frames of one kind of stream are told from other bytes.

    Attributes:
        sync: Matches the first bytes of every frame.
        parse: Parses the header of a frame.
        header_bytes: Bytes of the longest header.
        searched: False if programs and tables look like such frames: then they must begin the file.
        fewest_frames: A file that is shorter than ``FRAMES_IN_A_ROW`` frames must have so many.
    """

    sync: re.Pattern[bytes]
    parse: HeaderParser
    header_bytes: int
    fewest_frames: int = 2
    searched: bool = True

    def find_first_frame(self, data: bytes, *, whole: bool) -> int | None:
        """Offset of the first of several frames that lie end to end, or None.

        The further in they begin the more of them must agree, for rubbish before a stream is rare, and bytes
        of other files that look like a few frames are not.

        Args:
            data: The start of a file behind its tags, or all of it; rubbish may come first.
            whole: True if the file ends where ``data`` ends, so that a short file need not have several
                frames.
        """
        if not self.searched:
            return 0 if self.begins(data, whole=whole) else None
        for match in self.sync.finditer(data):
            offset = match.start()
            wanted = min(FRAMES_IN_A_ROW + offset // RUBBISH_BYTES_PER_FRAME, MOST_FRAMES_IN_A_ROW)
            if self._frames_follow(data, offset, wanted, whole=whole):
                return offset
        return None

    def begins(self, data: bytes, *, whole: bool) -> bool:
        """True if frames lie end to end from the first byte on, as in nearly all files; see above."""
        return self._frames_follow(data, 0, FRAMES_IN_A_ROW, whole=whole)

    def two_follow(self, data: bytes, offset: int) -> bool:
        """True if two frames of one kind lie end to end from an offset on, and the data reach behind them."""
        return self._frames_follow(data, offset, 2, whole=False)

    def parser_at(self, data: bytes, offset: int) -> HeaderParser | None:
        """The parser for a stream that begins at an offset."""
        del data, offset
        return self.parse

    def _frames_follow(self, data: bytes, offset: int, wanted: int, *, whole: bool) -> bool:
        """True if so many frames of one kind lie end to end from here, or frames alone up to the end."""
        parse = self.parser_at(data, offset)
        if parse is None:
            return False
        first = parse(data, offset)
        header, position = first, offset
        for number in range(wanted):
            if first is None or header is None or header.kind != first.kind:
                return False
            position += header.frame_bytes
            if position + self.header_bytes > len(data):
                return whole and self._is_short_stream(data, offset, position, frames=number + 1)
            header = parse(data, position)
        return True

    def _is_short_stream(self, data: bytes, offset: int, end: int, *, frames: int) -> bool:
        """True if the few frames up to the end of the file begin it, or are most of it."""
        if offset > 0:
            most_of_it = frames >= FRAMES_IN_A_ROW and offset < len(data) // 2
            return most_of_it or frames >= FRAMES_AT_THE_END
        return frames >= self.fewest_frames and (frames > 1 or end <= len(data))

    def last_frame_is_cut(self, tail: bytes) -> bool:
        """True if the last frame's header announces more bytes than there are.

        Args:
            tail: The end of a stream without the tags behind it; long enough for several frames.
        """
        end = self.end_of_frames(tail)
        if end is None:
            return False
        rest = tail[end:]
        cut_inside_header = 0 < len(rest) < self.header_bytes and self.sync.match(rest) is not None
        return end > len(tail) or cut_inside_header

    def end_of_frames(self, tail: bytes) -> int | None:
        """Offset behind the last of the frames that lie end to end; None if there are none.

        Args:
            tail: As above; the offset is beyond its end if the last frame is cut.
        """
        end, run = None, self._first_run(tail, 0)
        while run is not None:
            end = run
            while end < len(tail) and (header := self.parse(tail, end)) is not None:
                end += header.frame_bytes
            run = self._first_run(tail, end)  # there may be more behind damage
        return end

    def _first_run(self, data: bytes, start: int) -> int | None:
        """Offset of the first few frames that lie end to end, from an offset on."""
        offsets = (match.start() for match in self.sync.finditer(data, start))
        runs = (at for at in offsets if self._frames_follow(data, at, FRAMES_IN_A_ROW, whole=False))
        return next(runs, None)
