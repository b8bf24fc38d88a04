"""What the bytes of a file are: its format is recognised by its content, never by its name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from operator import attrgetter

from tonearm.transforms.audio.formats.audio_format import AudioFormat, Decoder
from tonearm.transforms.audio.formats.claim import ReadAt
from tonearm.transforms.audio.formats.registry import FORMATS, format_named
from tonearm.transforms.audio.formats.stream_tail import start_of_trailing_tags
from tonearm.transforms.audio.other_files import other_kind

HEAD_BYTES = 64 * 1024
"""How much of a file's start :func:`identify` wants to see."""

SEARCHED_BYTES = 4 << 20
"""How far into a file :func:`identify_file` looks for the first frames, where its start is not understood."""

_STREAMS = tuple(known for known in FORMATS if known.frames is not None)
"""Only these are searched for deep inside a file: archives of all sorts hold signatures of other formats."""

_TAIL_BYTES = 32 * 1024
_MAX_LEADING_TAGS = 8
_LONGEST_PART_OF_FRAME_BYTES = 16 * 1024
"""Longer than what is left of a frame of AC-3 or DTS where a track was cut out of a disc."""

_FIRST_LOOK_BYTES = _LONGEST_PART_OF_FRAME_BYTES + 9 * 1024
"""So much, and two frames of AC-3 or E-AC-3 that begin at its end."""

_SURE_SYNC_BYTES = 4
"""Chance seldom makes a sync word of so many bytes. That of AC-3 has two, and quiet music is full of it."""

_ID3_HEADER_BYTES = 10
_APE_HEADER_BYTES = 32


@dataclass(frozen=True, slots=True)
class Identified:
    """What a file is.

    Attributes:
        audio_format: Its format.
        begins: Offset of the format's own first byte, behind tags and rubbish.
        start: Offset of the first byte that decoders are shown: 0 where they skip tags themselves.
        end: Offset of the first byte that decoders are no longer shown; None for the end of the file.
        carrier: The container in the place of whose samples it lies; None if it is on its own.
    """

    audio_format: AudioFormat
    begins: int
    start: int
    end: int | None = None
    carrier: Identified | None = None


def identify(head: bytes, size: int | None = None) -> AudioFormat | None:
    """Say what a file is from its first bytes, without opening it.

    Args:
        head: The file's first ``HEAD_BYTES`` bytes, or all of them if it has fewer.
        size: The file's size in bytes, where known.

    Returns:
        The format, or None if these are no audio bytes. Where an ID3v2 tag is longer than ``head``, so that
        nothing after it can be seen, the answer is MP3, which is nearly always right.

    Example:
        >>> identify(b"fLaC" + bytes(38)).title, identify(b"%PDF-1.7")
        ('FLAC', None)
    """
    start = end_of_leading_tags(lambda offset, length: head[offset : offset + length])
    if start and start >= len(head) and (size is None or size > start):
        return format_named("mp3")
    shown = head[start : start + HEAD_BYTES]
    found = _identify_behind_tags(shown, start, whole=size is not None and size <= start + len(shown))
    return None if found is None else found.audio_format


def identify_file(read_at: ReadAt, size: int) -> Identified | None:
    """Say what a file is, where it begins and where it ends; None if it is no audio.

    A look at the first bytes is enough for nearly all files. Where it is not, frames are searched for further
    in: a tag that says a wrong length, or rubbish, may come before them.

    Args:
        read_at: Reads bytes at an offset.
        size: The file's size in bytes.
    """
    tags_end = end_of_leading_tags(read_at)
    zeros = _leading_zeros(read_at, tags_end)
    if zeros and tags_end == 0 and other_kind(read_at(0, HEAD_BYTES)) is not None:
        return None  # a disc image, say
    if zeros:
        found = _identify_behind_zeros(read_at, tags_end + zeros, size)
    else:
        found = _identify_at(read_at, tags_end, size)
    if tags_end and (found is None or found.begins > tags_end + zeros):
        found = _search(read_at, _ID3_HEADER_BYTES, FORMATS) or found  # the tag may be shorter than it says
    elif found is None and other_kind(read_at(0, HEAD_BYTES)) is None:
        found = _search(read_at, zeros, _STREAMS)
    return found and _without_what_follows(found, read_at, size)


def _identify_at(read_at: ReadAt, start: int, size: int) -> Identified | None:
    head = read_at(start, HEAD_BYTES)
    return _identify_behind_tags(head, start, whole=start + len(head) >= size)


def _leading_zeros(read_at: ReadAt, start: int) -> int:
    """How many zero bytes lie at an offset, if they are too many for a look at what follows them."""
    if any(read_at(start, 64)):
        return 0
    data = read_at(start, SEARCHED_BYTES)
    zeros = len(data) - len(data.lstrip(b"\0"))
    return zeros if zeros > HEAD_BYTES // 2 else 0


def _identify_behind_zeros(read_at: ReadAt, start: int, size: int) -> Identified | None:
    """Say what follows zeros, of which the last few may be its own: an MP4 begins with up to three."""
    for own_zeros in range(4):
        found = _identify_at(read_at, start - own_zeros, size)
        if found is not None:
            return replace(found, start=found.begins)
    return None


def _without_what_follows(found: Identified, read_at: ReadAt, size: int) -> Identified:
    """Leave out what follows the last frame of a stream: FFmpeg would take it for a part of it."""
    audio_format = found.audio_format
    frames = audio_format.frames
    if audio_format.skips_tags or (frames is None and Decoder.FFMPEG not in audio_format.decoders[:1]):
        return found
    end = start_of_trailing_tags(read_at, size)
    if frames is None:
        return replace(found, end=end) if end < size else found
    tail_start = max(found.begins, end - _TAIL_BYTES)
    end_of_frames = frames.end_of_frames(read_at(tail_start, end - tail_start))
    if end_of_frames is not None:
        end = min(tail_start + end_of_frames, end)
    return replace(found, end=end) if end < size else found


def end_of_leading_tags(read_at: ReadAt) -> int:
    """Offset of the first byte after the tags that a file starts with, in bytes; 0 without any."""
    offset = 0
    for _ in range(_MAX_LEADING_TAGS):
        header = read_at(offset, _APE_HEADER_BYTES)
        tag_bytes = _id3v2_bytes(header) or _ape_bytes(header)
        if not tag_bytes:
            break
        offset += tag_bytes
    return offset


def _id3v2_bytes(header: bytes) -> int:
    """Length of the ID3v2 tag that begins so; 0 if none does (ID3v2.4, 3.1)."""
    is_tag = len(header) >= _ID3_HEADER_BYTES and header[:3] == b"ID3" and max(header[6:10]) < 0x80
    if not is_tag:
        return 0
    body = header[6] << 21 | header[7] << 14 | header[8] << 7 | header[9]
    has_footer = bool(header[5] & 0x10)
    return _ID3_HEADER_BYTES + body + (_ID3_HEADER_BYTES if has_footer else 0)


def _ape_bytes(header: bytes) -> int:
    """Length of the APE tag that begins so; 0 if none does. It counts its footer and not its header."""
    if header[:8] != b"APETAGEX" or len(header) < _APE_HEADER_BYTES:
        return 0
    return _APE_HEADER_BYTES + int.from_bytes(header[12:16], "little")


def _identify_behind_tags(head: bytes, start: int, *, whole: bool) -> Identified | None:
    """Say what the bytes at an offset are: by what they begin with, or else by what is found among them."""
    known = next((known for known in FORMATS if known.is_begun_by(head)), None)
    if known is not None:
        return _hidden_in_samples(known, head, start) or Identified(
            known, start, 0 if known.skips_tags else start
        )
    for known in FORMATS:
        if known.frames is not None and known.frames.begins(head, whole=whole):
            return Identified(known, start, 0 if known.skips_tags else start)
    if start == 0 and other_kind(head) is not None:
        return None
    found = min(_found_within(head, FORMATS, whole=whole), key=attrgetter("begins"), default=None)
    if found is None:
        return None
    return Identified(found.audio_format, start + found.begins, start + found.begins)


def _hidden_in_samples(container: AudioFormat, head: bytes, start: int) -> Identified | None:
    """What a container holds in the place of the samples that it announces: noise, if it were played so."""
    samples_at = container.samples_at(head)
    found = None if samples_at is None else stream_in_samples(head[samples_at:])
    if samples_at is None or found is None:
        return None
    known, offset = found
    begins = start + samples_at + offset
    return Identified(known, begins, begins, carrier=Identified(container, start, start))


def stream_in_samples(samples: bytes) -> tuple[AudioFormat, int] | None:
    """The format that hides in the place of samples, and where it begins; None if they are samples.

    Args:
        samples: The first ones, as words of 16 bits, of whatever follows silence.
    """
    begins = len(samples) - len(samples.lstrip(b"\0"))
    begins += end_of_leading_tags(lambda offset, length: samples[begins + offset : begins + offset + length])
    payload = samples[begins:]
    for known in FORMATS if payload else ():
        offset = _begins_within(known, payload) if known.hides_in_samples else None
        if offset is not None:
            return known, begins + offset
    return None


def may_hold_stream(samples: bytes) -> bool | None:
    """A first look at samples, which needs few of them: False if no stream of another format begins there.

    Args:
        samples: As for :func:`stream_in_samples`.

    Returns:
        True if something looks like frames, as chance may have it; None if there are too few samples behind
        silence to tell.
    """
    payload = samples[len(samples) - len(samples.lstrip(b"\0")) :]
    if len(payload) < _FIRST_LOOK_BYTES:
        return None
    is_tag = end_of_leading_tags(lambda offset, length: payload[offset : offset + length]) > 0
    return is_tag or any(_may_begin_within(known, payload) for known in FORMATS if known.hides_in_samples)


def _may_begin_within(known: AudioFormat, payload: bytes) -> bool:
    """True if the format begins here, or a few frames of it begin where a part of a frame may end."""
    if known.sync is None:
        return _begins_with(known, payload)
    syncs = known.sync.finditer(payload, 0, _LONGEST_PART_OF_FRAME_BYTES)
    return any(
        len(sync.group()) >= _SURE_SYNC_BYTES
        or known.frames is None
        or known.frames.two_follow(payload, sync.start())
        for sync in syncs
    )


def _begins_within(known: AudioFormat, payload: bytes) -> int | None:
    """Offset at which a format begins among samples; a track cut out of a disc may begin inside a frame."""
    if _begins_with(known, payload):
        return 0
    syncs = known.sync.finditer(payload, 0, _LONGEST_PART_OF_FRAME_BYTES) if known.sync else ()
    return next((sync.start() for sync in syncs if _begins_with(known, payload[sync.start() :])), None)


def _begins_with(known: AudioFormat, payload: bytes) -> bool:
    if known.is_begun_by(payload):
        return True
    return known.frames is not None and known.frames.begins(payload, whole=False)


def _found_within(data: bytes, formats: Iterable[AudioFormat], *, whole: bool) -> Iterator[Identified]:
    """What is found in some bytes, with its offset: frames end to end, or a container's signature."""
    for known in formats:
        offset = None
        if known.frames is not None:
            offset = known.frames.find_first_frame(data, whole=whole)
        elif known.signature is not None and (match := known.signature.search(data)):
            offset = match.start()
        if offset is not None:
            yield Identified(known, offset, offset)


def _search(read_at: ReadAt, start: int, formats: Iterable[AudioFormat]) -> Identified | None:
    """Search far into a file for the one of some formats that begins first."""
    data = read_at(start, SEARCHED_BYTES)
    whole = len(data) < SEARCHED_BYTES
    found = min(_found_within(data, formats, whole=whole), key=attrgetter("begins"), default=None)
    return found and replace(found, begins=start + found.begins, start=start + found.begins)
