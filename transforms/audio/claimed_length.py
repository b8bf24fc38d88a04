"""What a file says about its own length, so that one that ends too early is known as such."""

from __future__ import annotations

import struct

from tonearm.transforms.audio.formats.claim import Claim, ReadAt
from tonearm.transforms.audio.formats.stream_tail import start_of_trailing_tags
from tonearm.transforms.audio.identification import Identified


def read_claim(read_at: ReadAt, size: int, identified: Identified) -> Claim:
    """Read what a file says about its own length; a broken header says nothing.

    Args:
        read_at: Reads bytes at an offset.
        size: The file's size in bytes.
        identified: What ``identify_file`` found.
    """
    end = start_of_trailing_tags(read_at, size)
    try:
        return identified.audio_format.read_claim(read_at, identified.begins, end)
    except (struct.error, IndexError, ValueError):
        return Claim()
