"""What a file says about its own length, so that one that ends too early is known as such."""

from __future__ import annotations

import struct
from dataclasses import replace

from tonearm.transforms.audio.formats.audio_format import AudioFormat
from tonearm.transforms.audio.formats.claim import Claim, ReadAt
from tonearm.transforms.audio.formats.stream_tail import start_of_trailing_tags
from tonearm.transforms.audio.identification import Identified, end_of_leading_tags

_SIGNATURE_BYTES = 4096


def read_claim(read_at: ReadAt, size: int, identified: Identified) -> Claim:
    """Read what a file says about its own length; a broken header says nothing.

    Of a stream that hides in another container's samples, that container knows too if the file is cut.

    Args:
        read_at: Reads bytes at an offset.
        size: The file's size in bytes.
        identified: What ``identify_file`` found.
    """
    end = start_of_trailing_tags(read_at, size)
    claim = _claim_of(identified.audio_format, read_at, identified.begins, end)
    carrier = identified.carrier
    if carrier is None:
        return claim
    return replace(claim, cut=claim.cut or _claim_of(carrier.audio_format, read_at, carrier.begins, end).cut)


def _claim_of(audio_format: AudioFormat, read_at: ReadAt, begins: int, end: int) -> Claim:
    try:
        claim = audio_format.read_claim(read_at, begins, end)
    except (struct.error, IndexError, ValueError):
        return Claim()
    if claim.next_at is None or not begins < claim.next_at < end:
        return claim
    behind = claim.next_at
    another_at = behind + end_of_leading_tags(lambda offset, length: read_at(behind + offset, length))
    return replace(claim, followed=audio_format.is_begun_by(read_at(another_at, _SIGNATURE_BYTES)))
