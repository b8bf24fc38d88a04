"""FLAC without a container around it."""

from __future__ import annotations

from tonearm.transforms.audio.formats.audio_format import AudioFormat, Decoder, starts_with
from tonearm.transforms.audio.formats.claim import Claim, ReadAt


def _read_flac(read_at: ReadAt, start: int, size: int) -> Claim:
    """STREAMINFO is the first block: 36 bits, 21 bytes in, count the samples; 0 for unknown."""
    del size
    packed = int.from_bytes(read_at(start + 18, 8), "big")
    return Claim(samples=packed & (1 << 36) - 1 or None)


FORMATS = (
    AudioFormat(
        name="flac",
        title="FLAC",
        endings=(".flac",),
        decoders=(Decoder.LIBSNDFILE, Decoder.FFMPEG),
        demuxer="flac",
        soundfile=("FLAC",),
        is_begun_by=starts_with(b"fLaC"),
        read_claim=_read_flac,
        skips_tags=True,
    ),
)
