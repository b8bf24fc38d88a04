"""What a file says about its own length, so that one that ends too early is known as such."""

from __future__ import annotations

import struct

from tonearm.transforms.audio.formats.audio_format import AudioFormat
from tonearm.transforms.audio.formats.claim import Claim, ReadAt
from tonearm.transforms.audio.identification import end_of_leading_tags


def read_claim(read_at: ReadAt, size: int, audio_format: AudioFormat) -> Claim:
    """Read what a file says about its own length; a broken header says nothing.

    Args:
        read_at: Reads bytes at an offset.
        size: The file's size in bytes.
        audio_format: What ``identify_file`` found.
    """
    start = end_of_leading_tags(read_at)
    try:
        return audio_format.read_claim(read_at, start, size)
    except (struct.error, IndexError):
        return Claim()
