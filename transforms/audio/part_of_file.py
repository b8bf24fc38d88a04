"""The part of an open file in which the audio lies, shown to decoders without what would mislead them."""

from __future__ import annotations

import io
import os
from bisect import bisect_right
from collections.abc import Sequence
from itertools import accumulate
from operator import attrgetter

from tonearm.transforms.audio.formats.claim import Correction


class PartOfFile(io.RawIOBase):
    """A file from some offset on, as if it began there; its own position, the descriptor's does not move.

    Args:
        descriptor: Open file descriptor; stays the caller's.
        start: Offset of the first byte to be seen.
        end: Offset of the first byte behind it that is not; None for the end of the file.
        corrections: Bytes that are seen in the place of those of the file, and damage that is not seen.
    """

    def __init__(
        self,
        descriptor: int,
        start: int,
        end: int | None = None,
        corrections: Sequence[Correction] = (),
    ) -> None:
        super().__init__()
        self._descriptor = descriptor
        end = os.fstat(descriptor).st_size if end is None else end
        self._pieces = _pieces(start, max(end, start), corrections)
        self._positions = list(accumulate((len(piece) for piece in self._pieces), initial=0))
        self._size = self._positions[-1]
        self._position = 0
        self._corrections = [correction for correction in corrections if correction.data]

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """It can be read from anywhere."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read on from the position."""
        if self._position >= self._size:
            return 0
        number = bisect_right(self._positions, self._position) - 1
        piece = self._pieces[number][self._position - self._positions[number] :]
        offset = piece.start
        found = os.preadv(self._descriptor, [memoryview(buffer)[: len(piece)]], offset)
        for correction in self._corrections:
            _correct(memoryview(buffer)[:found], offset, correction)
        self._position += found
        return found

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        """Move the position; a place before the beginning is an error, as in any file."""
        origin = {os.SEEK_SET: 0, os.SEEK_CUR: self._position, os.SEEK_END: self._size}[whence]
        if origin + offset < 0:
            raise OSError("before the beginning of the file")
        self._position = origin + offset
        return self._position

    def tell(self) -> int:
        """The position."""
        return self._position


def _pieces(start: int, end: int, corrections: Sequence[Correction]) -> list[range]:
    """The offsets that are seen: all from the start to the end but those that are removed."""
    pieces = []
    for removed in sorted(corrections, key=attrgetter("offset")):
        if removed.removed and start <= removed.offset < end:
            pieces.append(range(start, removed.offset))
            start = min(removed.offset + removed.removed, end)
    return [piece for piece in (*pieces, range(start, end)) if len(piece)]


def _correct(data: memoryview, offset: int, correction: Correction) -> None:
    """Put a correction into bytes that were read at an offset, as far as it lies among them."""
    begins = max(correction.offset, offset)
    ends = min(correction.offset + len(correction.data), offset + len(data))
    if begins < ends:
        data[begins - offset : ends - offset] = correction.data[
            begins - correction.offset : ends - correction.offset
        ]
