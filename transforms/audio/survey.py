"""What a file's own frames and pages tell before it is decoded, where the decoders would believe a guess."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tonearm.transforms.audio.flac_frames import samples_of_all_frames, samples_to_the_end
from tonearm.transforms.audio.formats.claim import ReadAt
from tonearm.transforms.audio.formats.ogg import OGG_VORBIS
from tonearm.transforms.audio.identification import Identified
from tonearm.transforms.audio.mpeg_stream import read_mpeg_stream
from tonearm.transforms.audio.ogg_links import Link, links_of
from tonearm.transforms.audio.vorbis import sound_begins_among_headers

_TRIMMED_SAMPLES = 4 * 1152
"""Samples that decoders of an intact MP3 may leave out at its ends: a header frame, delay and padding."""

_TRIMMED_SHARE = 0.005
"""The same for each of many files that were joined to one."""

_OGG_SLACK_S = 0.1
"""What an encoder's delay and padding take from the time stamps of an intact Ogg file."""

_SLACK_BYTES = 4096
"""Bytes behind the last frame that are no sound, no tag and no zeros: a writer's leftovers."""

_SMALLEST_SHARE = 0.03
"""A file in which frames are a smaller share than this is no music that could be heard."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What was counted.

    Attributes:
        seconds: Length of the sound that stands in the file; None where it was not counted.
        slack_s: How much less an intact file may decode to.
        samples: The length in samples per channel, for decoders that stop at such a number; None where they
            read on.
        slack_samples: How many fewer an intact file may decode to.
        plain: False if the decoder that is tried first is not the one for such a file: rate or channels
            change on the way, bytes stand in between that are no sound, or sound stands among headers.
        lost: True if there are bytes where sound was to be expected that are none.
        counts_frames: True if frame by frame was counted, so that packets have no more to say.
        links: The links of an Ogg file; empty for all others.
        hopeless: True if hardly any of the file is sound.
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

    def is_missed_by(self, seconds: float) -> bool:
        """True if so much decoded sound is too little."""
        return self.seconds is not None and seconds + self.slack_s < self.seconds

    def exceeds(self, samples: int) -> bool:
        """True if more stands in the file than so many samples per channel."""
        return self.samples is not None and samples + self.slack_samples < self.samples


def survey_of(read_at: ReadAt, size: int, identified: Identified) -> Survey:
    """Count what stands in a file.

    Args:
        read_at: Reads bytes at an offset.
        size: The file's size in bytes.
        identified: What the file is.
    """
    demuxer = identified.audio_format.demuxer
    if demuxer == "mp3":
        return _survey_of_mp3(read_at, identified.begins)
    if demuxer == "flac":
        return _survey_of_flac(
            read_at, identified.begins, samples_to_the_end(read_at, identified.begins, size)
        )
    if demuxer == "ogg":
        return _survey_of_ogg(read_at, identified, links_of(read_at, identified.begins, size))
    return Survey()


def survey_of_damaged(read_at: ReadAt, identified: Identified) -> Survey | None:
    """Count again and with more care, after a decoder tripped over a file; None if there is no such count."""
    if identified.audio_format.demuxer != "flac":
        return None
    return _survey_of_flac(read_at, identified.begins, samples_of_all_frames(read_at, identified.begins))


def _survey_of_mp3(read_at: ReadAt, start: int) -> Survey:
    stream = read_mpeg_stream(read_at, start)
    if stream is None:
        return Survey()
    slack_samples = _TRIMMED_SAMPLES + round(_TRIMMED_SHARE * stream.samples)
    span = stream.frame_bytes + stream.lost_bytes + stream.tail_bytes
    return Survey(
        seconds=stream.seconds,
        slack_s=slack_samples * stream.seconds / stream.samples,
        samples=stream.samples,
        slack_samples=slack_samples,
        plain=stream.is_plain,
        lost=stream.lost_bytes > 0 or stream.tail_bytes > _SLACK_BYTES,
        counts_frames=True,
        hopeless=stream.frame_bytes < _SMALLEST_SHARE * span,
    )


def _survey_of_ogg(read_at: ReadAt, identified: Identified, links: Sequence[Link]) -> Survey:
    """Of Vorbis that begins among its headers the second decoder leaves out the beginning, as it should."""
    if identified.audio_format is OGG_VORBIS and sound_begins_among_headers(read_at):
        return Survey(plain=False, links=links)
    return Survey(sum(link.seconds for link in links), _OGG_SLACK_S * len(links), links=links)


def _survey_of_flac(read_at: ReadAt, start: int, samples: int | None) -> Survey:
    """The rate is 20 bits, 18 bytes in (RFC 9639, 8.2)."""
    rate_hz = int.from_bytes(read_at(start + 18, 3), "big") >> 4
    if samples is None or not rate_hz:
        return Survey()
    return Survey(seconds=samples / rate_hz, samples=samples, counts_frames=True)
