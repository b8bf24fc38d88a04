"""What a file's own frames and pages tell before it is decoded, where the decoders would believe a guess."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from uuid import UUID

from tonearm.transforms.audio.claimed_length import read_claim
from tonearm.transforms.audio.formats.claim import ReadAt, chunks, is_unknown_size
from tonearm.transforms.audio.formats.families.ogg import OGG_VORBIS
from tonearm.transforms.audio.formats.stream_tail import start_of_trailing_tags
from tonearm.transforms.audio.identification import Identified
from tonearm.transforms.audio.surveys.amr_frames import is_damaged_amr
from tonearm.transforms.audio.surveys.file_end import PADDING_SHARE, SLACK_BYTES, ends_in_rubbish
from tonearm.transforms.audio.surveys.flac_frames import last_frame, runs_of_frames, starts_of_streams
from tonearm.transforms.audio.surveys.link import Link
from tonearm.transforms.audio.surveys.mpeg_stream import read_mpeg_stream
from tonearm.transforms.audio.surveys.ogg_links import links_of
from tonearm.transforms.audio.surveys.vorbis import sound_begins_among_headers

_TRIMMED_SAMPLES = 4 * 1152
"""Samples that decoders of an intact MP3 may leave out at its ends: a header frame, delay and padding."""

_TRIMMED_SHARE = 0.005
"""The same for each of many files that were joined to one."""

_SLACK_S = 0.1
"""What an encoder's delay and padding take from the time stamps of an intact file."""

_ROUNDING_S = 1e-6
"""Less than a sample, and more than sums of seconds err by."""

_MPEG_IN_WAV = (b"\x50\x00", b"\x55\x00")
"""Format tags of MP2 and MP3, which libsndfile plays on behind a hole without a word."""

_ASF_FILE_PROPERTIES = UUID("8CABDCA1-A947-11CF-8EE4-00C00C205365")
_ASF_HEADER_BYTES = 64 * 1024
_STATED_SLACK_S = 0.25
_STATED_SLACK_SHARE = 0.01
"""How much less may be decoded than a header states that is rounded, or means the longest stream."""

_LONGEST_PLAUSIBLE_S = 31 * 86_400.0

_HIGHEST_BITS_PER_SECOND = 640_000
"""Of MPEG audio in free format (libmpg123 plays no more)."""

_SMALLEST_SHARE = 0.03
"""A file in which frames are a smaller share than this is no music that could be heard."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What was counted.

    Attributes:
        seconds: Length of the sound that is in the file; None where it was not counted.
        slack_s: How much less an intact file may decode to.
        samples: The length in samples per channel, for decoders that stop at such a number; None where they
            read on.
        slack_samples: How many fewer an intact file may decode to.
        plain: False if the decoder that is tried first is not the one for such a file: rate or channels
            change on the way, bytes in between are no sound, or sound lies among headers.
        lost: True if there are bytes where sound was to be expected that are none.
        counts_frames: True if frame by frame was counted, so that packets have no more to say.
        links: The links of an Ogg file, or of FLACs that were joined; empty for all others.
        hopeless: True if hardly any of the file is sound.
        spans_streams: True if ``seconds`` may be the length of another stream than that of the sound.
    """

    seconds: float | None = None
    slack_s: float = 0.0
    samples: int | None = None
    slack_samples: int = 0
    plain: bool = True
    lost: bool = False
    counts_frames: bool = False
    links: Sequence[Link] = ()
    hopeless: bool = False
    spans_streams: bool = False

    def is_missed_by(self, seconds: float) -> bool:
        """True if so much decoded sound is too little."""
        return self.seconds is not None and seconds + self.slack_s < self.seconds

    def exceeds(self, samples: int) -> bool:
        """True if the file holds more than so many samples per channel."""
        return self.samples is not None and samples + self.slack_samples < self.samples


def survey_of(read_at: ReadAt, size: int, identified: Identified) -> Survey:
    """Count what is in a file.

    Args:
        read_at: Reads bytes at an offset.
        size: The file's size in bytes.
        identified: What the file is.
    """
    surveyor = _SURVEYORS.get(identified.audio_format.demuxer)
    survey = surveyor(read_at, size, identified) if surveyor else Survey()
    if survey.counts_frames:
        return survey
    end = start_of_trailing_tags(read_at, size)
    hidden_bytes = 0 if identified.end is None else end - identified.end
    lost = hidden_bytes > SLACK_BYTES or ends_in_rubbish(read_at, end, identified)
    return replace(survey, lost=True) if lost else survey


def survey_of_damaged(read_at: ReadAt, size: int, identified: Identified) -> Survey | None:
    """Count again and with more care, after a decoder tripped over a file; None if there is no such count."""
    if identified.audio_format.demuxer != "flac":
        return None
    return _survey_of_flac_streams(read_at, size, identified)


def _survey_of_mp3(read_at: ReadAt, size: int, identified: Identified) -> Survey:
    start = identified.begins
    stream = read_mpeg_stream(read_at, start)
    if stream is None:  # frames of free format, or hardly any: no bit rate is higher
        return Survey(seconds=(size - start) * 8 / _HIGHEST_BITS_PER_SECOND, slack_s=_SLACK_S)
    slack_samples = _TRIMMED_SAMPLES + round(_TRIMMED_SHARE * stream.samples)
    span = stream.frame_bytes + stream.lost_bytes + stream.tail_bytes + stream.tail_zeros
    padding = max(SLACK_BYTES, PADDING_SHARE * stream.frame_bytes)
    return Survey(
        seconds=stream.seconds,
        slack_s=slack_samples * stream.seconds / stream.samples,
        samples=stream.samples,
        slack_samples=slack_samples,
        plain=stream.is_plain,
        lost=stream.lost_bytes > 0 or stream.tail_bytes > SLACK_BYTES or stream.tail_zeros > padding,
        counts_frames=True,
        hopeless=stream.frame_bytes < _SMALLEST_SHARE * span,
    )


def _survey_of_amr(read_at: ReadAt, size: int, identified: Identified) -> Survey:
    end = start_of_trailing_tags(read_at, size)
    return Survey(lost=is_damaged_amr(read_at, identified.begins, end))


def _survey_of_asf(read_at: ReadAt, size: int, identified: Identified) -> Survey:
    """The header's play time less that to fill a player's buffer; FFmpeg shows a guess where bytes follow.

    File properties object of the Advanced Systems Format specification, 3.2; invalid in a broadcast.
    """
    del size
    head = read_at(identified.begins, _ASF_HEADER_BYTES)
    at = head.find(_ASF_FILE_PROPERTIES.bytes_le)
    if at < 0 or len(head) < at + 92:
        return Survey()
    play_time, _, preroll_ms, flags = struct.unpack_from("<QQQI", head, at + 64)
    seconds = play_time / 1e7 - preroll_ms / 1e3
    if flags & 1 or not 0 < seconds < _LONGEST_PLAUSIBLE_S:
        return Survey()
    slack_s = _STATED_SLACK_S + _STATED_SLACK_SHARE * seconds
    return Survey(seconds, slack_s=slack_s, spans_streams=True)


def _survey_of_wav(read_at: ReadAt, size: int, identified: Identified) -> Survey:
    """Behind the data are other chunks; what is none, or is another file, is sound that nobody reads."""
    plain, behind_data = True, False
    for chunk in chunks(read_at, identified.begins + 12, size, "<4sI"):
        if chunk.name == b"fmt ":
            plain = read_at(chunk.offset, 2) not in _MPEG_IN_WAV
        is_chunk = chunk.name.isascii() and chunk.name.decode("ascii").isprintable() and chunk.name != b"RIFF"
        if behind_data and not is_chunk:
            return Survey(plain=plain, lost=size - chunk.offset > SLACK_BYTES)
        behind_data |= chunk.name == b"data" and not is_unknown_size(chunk.size, 32)
    return Survey(plain=plain)


def _survey_of_au(read_at: ReadAt, size: int, identified: Identified) -> Survey:
    """To its end only FFmpeg reads a file that is longer than its header says."""
    start = identified.begins
    order = ">" if read_at(start, 4) == b".snd" else "<"
    offset, data_bytes = struct.unpack(f"{order}II", read_at(start + 4, 8))
    is_known = not is_unknown_size(data_bytes, 32)
    return Survey(plain=not (is_known and start + offset + data_bytes + SLACK_BYTES < size))


def _survey_of_ogg(read_at: ReadAt, size: int, identified: Identified) -> Survey:
    """Of Vorbis that begins among its headers the second decoder leaves out the beginning, as it should."""
    links = links_of(read_at, identified.begins, size)
    if identified.audio_format is OGG_VORBIS and sound_begins_among_headers(read_at):
        return Survey(plain=False, links=links)
    return Survey(sum(link.seconds for link in links), _SLACK_S * len(links), links=links)


def _survey_of_flac(read_at: ReadAt, size: int, identified: Identified) -> Survey:
    """A file whose last frame ends where its header says is one stream; others are looked through."""
    last = last_frame(read_at, identified.begins, size)
    stated_hz = _stated_rate_hz(read_at, identified.begins)
    if last is None or not stated_hz:
        return Survey()
    rate_hz = last.rate_hz or stated_hz
    stated = read_claim(read_at, size, identified).samples
    is_one_stream = rate_hz == stated_hz and (
        stated == last.end or len(starts_of_streams(read_at, identified.begins)) == 1
    )
    if is_one_stream:
        return Survey(seconds=last.end / rate_hz, samples=last.end, counts_frames=True)
    return _survey_of_flac_streams(read_at, size, identified)


def _survey_of_flac_streams(read_at: ReadAt, size: int, identified: Identified) -> Survey:
    """Add up the streams of a file by the numbers of all their frames.

    A stream whose numbers do not go up from its first frame to its last lacks something, or has it twice.
    Where the frames have another rate than the header, only FFmpeg believes the frames.
    """
    starts = starts_of_streams(read_at, identified.begins)
    links, in_order, plain = [], True, True
    for start, end in zip(starts, [*starts[1:], size], strict=True):
        stated_hz = _stated_rate_hz(read_at, start)
        runs = runs_of_frames(read_at, start, end) if stated_hz else ()
        in_order &= len(runs) == 1
        plain &= all(run.rate_hz in (0, stated_hz) for run in runs)
        seconds = sum((run.end - run.first_sample) / (run.rate_hz or stated_hz) for run in runs)
        stated = identified.audio_format.read_claim(read_at, start, end - start).samples or 0
        stated_s = stated / (runs[0].rate_hz or stated_hz) if runs else 0.0
        links.append(Link(start, end, max(seconds, stated_s)))
    return Survey(
        seconds=sum(link.seconds for link in links),
        slack_s=_ROUNDING_S,
        plain=plain,
        lost=not in_order,
        counts_frames=True,
        links=links if len(links) > 1 else (),
    )


def _stated_rate_hz(read_at: ReadAt, start: int) -> int:
    """STREAMINFO's rate: 20 bits, 18 bytes in (RFC 9639, 8.2)."""
    return int.from_bytes(read_at(start + 18, 3), "big") >> 4


_SURVEYORS: Mapping[str, Callable[[ReadAt, int, Identified], Survey]] = {
    "amr": _survey_of_amr,
    "asf": _survey_of_asf,
    "au": _survey_of_au,
    "flac": _survey_of_flac,
    "mp3": _survey_of_mp3,
    "ogg": _survey_of_ogg,
    "wav": _survey_of_wav,
}
"""By FFmpeg's name of the format."""
