"""What a file's own frames and pages tell before it is decoded, where the decoders would believe a guess."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tonearm.transforms.audio.formats.claim import ReadAt
from tonearm.transforms.audio.identification import Identified
from tonearm.transforms.audio.mpeg_stream import read_mpeg_stream
from tonearm.transforms.audio.ogg_links import Link, links_of

_TRIMMED_SAMPLES = 4 * 1152
"""Samples that decoders of an intact MP3 may leave out at its ends: a header frame, delay and padding."""

_TRIMMED_SHARE = 0.005
"""The same for each of many files that were joined to one."""

_SLACK_BYTES = 4096
"""Bytes behind the last frame that are no sound, no tag and no zeros: a writer's leftovers."""

_FEWEST_FRAMES = 0.03
"""A file in which frames are a smaller share than this is no music that could be heard."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What was counted.

    Attributes:
        seconds: Length of the sound that stands in the file; None where it was not counted.
        samples: The same in samples per channel.
        slack_s: How much less an intact file may decode to.
        plain: False if rate or channels change on the way, or bytes stand in between that are no sound.
        lost: True if there are bytes where sound was to be expected that are none.
        links: The links of an Ogg file; empty for all others.
        hopeless: True if hardly any of the file is sound.
    """

    seconds: float | None = None
    samples: int | None = None
    slack_s: float = 0.0
    plain: bool = True
    lost: bool = False
    links: Sequence[Link] = ()
    hopeless: bool = False

    def is_missed_by(self, seconds: float) -> bool:
        """True if so much decoded sound is too little."""
        return self.seconds is not None and seconds + self.slack_s < self.seconds

    def exceeds(self, samples: int) -> bool:
        """True if more stands in the file than so many samples per channel."""
        allowed = samples + _TRIMMED_SAMPLES + round(_TRIMMED_SHARE * samples)
        return self.samples is not None and allowed < self.samples


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
    if demuxer == "ogg":
        return Survey(links=links_of(read_at, identified.begins, size))
    return Survey()


def _survey_of_mp3(read_at: ReadAt, start: int) -> Survey:
    stream = read_mpeg_stream(read_at, start)
    if stream is None:
        return Survey()
    span = stream.frame_bytes + stream.lost_bytes + stream.tail_bytes
    return Survey(
        seconds=stream.seconds,
        samples=stream.samples,
        slack_s=_TRIMMED_SAMPLES * stream.seconds / stream.samples + _TRIMMED_SHARE * stream.seconds,
        plain=stream.is_plain,
        lost=stream.lost_bytes > 0 or stream.tail_bytes > _SLACK_BYTES,
        hopeless=stream.frame_bytes < _FEWEST_FRAMES * span,
    )
