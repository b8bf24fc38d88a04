"""All formats, in the order in which a file's first bytes are compared with their signatures."""

from __future__ import annotations

from tonearm.transforms.audio.formats import films, flac, mpeg, ogg, sampled
from tonearm.transforms.audio.formats.audio_format import AudioFormat

FORMATS: tuple[AudioFormat, ...] = (
    *sampled.FORMATS,
    *flac.FORMATS,
    *ogg.FORMATS,
    *films.FORMATS,
    *mpeg.FORMATS,
)

AUDIO_ENDINGS = frozenset(ending for known in FORMATS for ending in known.endings)


def format_named(name: str) -> AudioFormat:
    """The format of a name; raises KeyError if there is none."""
    return _BY_NAME[name]


_BY_NAME = {known.name: known for known in FORMATS}
