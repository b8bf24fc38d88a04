"""Where the sound of an Ogg Vorbis file begins: decoders differ on files that bend the specification."""

from __future__ import annotations

import struct

from tonearm.transforms.audio.formats.claim import ReadAt
from tonearm.transforms.audio.identification import end_of_leading_tags

_HEADER_PACKETS = 3
"""Identification, comments and setup come before the sound."""

_PAGES_TO_LOOK_AT = 512
"""Bounds the walk: comments with a large picture take some hundred pages."""

_LONGEST_PAGE_HEADER = 27 + 255


def sound_begins_among_headers(read_at: ReadAt) -> bool:
    """True if the page on which the headers end goes on with sound, against the specification.

    libsndfile leaves out what of the sound lies there and FFmpeg plays it: up to a second that moves all
    patches. Taggers are trained with libsndfile, so it has to decode such a file.
    """
    offset, serial, packets = end_of_leading_tags(read_at), None, 0
    for _ in range(_PAGES_TO_LOOK_AT):
        page = read_at(offset, _LONGEST_PAGE_HEADER)
        if page[:4] != b"OggS" or len(page) < 27:
            return False
        of_stream, lacing = struct.unpack_from("<I", page, 14)[0], page[27 : 27 + page[26]]
        serial = of_stream if serial is None else serial
        for place, length in enumerate(lacing if of_stream == serial else b"", start=1):
            packets += length < 255
            if packets == _HEADER_PACKETS:
                return place < len(lacing)
        offset += 27 + len(lacing) + sum(lacing)
    return False
