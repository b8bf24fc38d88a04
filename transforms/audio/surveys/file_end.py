"""What lies at the end of a file where its last sound should be: zeros of a broken download, or rubbish."""

from __future__ import annotations

from tonearm.transforms.audio.formats.claim import ReadAt
from tonearm.transforms.audio.identification import Identified

SLACK_BYTES = 4096
"""Bytes behind the last frame that are no sound and no tag: a writer's leftovers."""

PADDING_SHARE = 0.02
"""Zeros behind the last frame may be more; where they are a larger share than this, a download stopped."""

_MOST_PADDING_BYTES = 1 << 20
"""So many zeros at the end are read, and are too many in a file of any size."""

_TAIL_BYTES = 64 * 1024
"""In so many bytes of a stream there is at least one whole frame, packet or burst."""


def ends_in_rubbish(read_at: ReadAt, end: int, identified: Identified) -> bool:
    """True if sound was to be expected at the end of a file, and there is none.

    Args:
        read_at: Reads bytes at an offset.
        end: Offset of the first byte behind the sound: the file's size without trailing tags.
        identified: What the file is.
    """
    return _ends_in_zeros(read_at, end, identified) or _ends_in_something_else(read_at, end, identified)


def _ends_in_zeros(read_at: ReadAt, end: int, identified: Identified) -> bool:
    """True for a stream without a length that a download left off, into a file that had its size before.

    Where samples were to be expected zeros are silence, and so they are between a digital cable's bursts.
    """
    audio_format = identified.audio_format
    if audio_format.states_length or identified.carrier is not None:
        return False
    if audio_format.is_inside is not None and audio_format.is_inside(bytes(SLACK_BYTES)):
        return False
    padding = min(max(SLACK_BYTES, round(PADDING_SHARE * end)), _MOST_PADDING_BYTES, end)
    return not any(read_at(end - padding, padding))


def _ends_in_something_else(read_at: ReadAt, end: int, identified: Identified) -> bool:
    """True if there is nothing of the format at the end of a file that is full of it."""
    audio_format, begins = identified.audio_format, identified.begins
    if end - begins < 2 * _TAIL_BYTES or identified.carrier is not None:
        return False
    tail, frames = read_at(end - _TAIL_BYTES, _TAIL_BYTES), audio_format.frames
    if audio_format.is_inside is not None:
        return not audio_format.is_inside(tail)
    if frames is None or not frames.searched:  # what may not be searched for takes minutes to be found
        return False
    if not frames.begins(read_at(begins, _TAIL_BYTES), whole=False):
        return False
    return frames.end_of_frames(tail) is None
