"""All formats, in the order in which a file's first bytes are compared with their signatures."""

from __future__ import annotations

from tonearm.transforms.audio.formats.audio_format import AudioFormat
from tonearm.transforms.audio.formats.families import (
    broadcast,
    films,
    games,
    iff,
    laboratories,
    lossless,
    lossy,
    mpeg,
    named_only,
    ogg,
    riff,
    surround,
    workstations,
)

FORMATS: tuple[AudioFormat, ...] = (
    *mpeg.FORMATS,
    *riff.FORMATS,
    *iff.FORMATS,
    *lossless.FORMATS,
    *ogg.FORMATS,
    *lossy.FORMATS,
    *films.FORMATS,
    *broadcast.FORMATS,
    *surround.FORMATS,
    *workstations.FORMATS,
    *laboratories.FORMATS,
    *games.FORMATS,
    *named_only.FORMATS,
)

AUDIO_ENDINGS = frozenset(ending for known in FORMATS for ending in known.endings)

_BY_NAME = {known.name: known for known in FORMATS}


def format_named(name: str) -> AudioFormat:
    """The format of a name; raises KeyError if there is none."""
    return _BY_NAME[name]
