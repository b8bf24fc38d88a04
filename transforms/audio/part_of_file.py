"""The part of an open file in which the audio lies, shown to decoders without what would mislead them."""

from __future__ import annotations

import io
import os
from collections.abc import Sequence

from tonearm.transforms.audio.formats.claim import Correction


class PartOfFile(io.RawIOBase):
    """A file from some offset on, as if it began there; its own position, the descriptor's does not move.

    Args:
        descriptor: Open file descriptor; stays the caller's.
        start: Offset of the first byte to be seen.
        end: Offset of the first byte behind it that is not; None for the end of the file.
        corrections: Bytes of the file that are seen in the place of those that stand there.
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
        self._start = start
        self._size = max((os.fstat(descriptor).st_size if end is None else end) - start, 0)
        self._position = 0
        self._corrections = corrections

    def readable(self) -> bool:
        """It can be read."""
        return True

    def seekable(self) -> bool:
        """It can be read from anywhere."""
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """Read on from the position."""
        left = max(self._size - self._position, 0)
        offset = self._start + self._position
        found = os.preadv(self._descriptor, [memoryview(buffer)[:left]], offset)
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


def _correct(data: memoryview, offset: int, correction: Correction) -> None:
    """Put a correction into bytes that were read at an offset, as far as it lies among them."""
    begins = max(correction.offset, offset)
    ends = min(correction.offset + len(correction.data), offset + len(data))
    if begins < ends:
        data[begins - offset : ends - offset] = correction.data[
            begins - correction.offset : ends - correction.offset
        ]
