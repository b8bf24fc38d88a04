"""Plain samples behind the headers of older workstations, sound cards and samplers."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from tonearm.transforms.audio.formats.audio_format import AudioFormat, Decoder, starts_with
from tonearm.transforms.audio.formats.claim import Claim, ReadAt, SizeField, claim_of_data, is_unknown_size
from tonearm.transforms.audio.formats.voc_blocks import read_voc

_AU_BYTES_PER_SAMPLE: Mapping[int, int] = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}
_SOX_HEADER_BYTES = 28
_AVR_HEADER_BYTES, _WVE_HEADER_BYTES, _MPC2000_HEADER_BYTES = 128, 32, 42


def _read_au(read_at: ReadAt, start: int, size: int) -> Claim:
    """Six numbers: magic, where the samples begin, their bytes, encoding, rate, channels."""
    header = read_at(start, 24)
    order = ">" if header[:4] == b".snd" else "<"
    offset, data_bytes, encoding, _, channels = struct.unpack_from(f"{order}5I", header, 4)
    block_bytes = _AU_BYTES_PER_SAMPLE.get(encoding, 0) * channels
    field = SizeField(start + 8, f"{order}I")
    return claim_of_data(start + offset, data_bytes, block_bytes, size, size_field=field)


def _read_sox(read_at: ReadAt, start: int, size: int) -> Claim:
    """Samples of 32 bits, counted over all channels, behind a header with a comment."""
    header = read_at(start, _SOX_HEADER_BYTES)
    order = "<" if header[:4] == b".SoX" else ">"
    header_bytes, values, _, channels = struct.unpack_from(f"{order}IQdI", header, 4)
    if is_unknown_size(values, 64) or not channels:
        return Claim(unknown=True)
    return claim_of_data(start + 4 + header_bytes, 4 * values, 4 * channels, size, bits=64)


def _read_avr(read_at: ReadAt, start: int, size: int) -> Claim:
    """A header of 128 bytes: two channels or not, bits, and how many samples of them there are."""
    header = read_at(start, _AVR_HEADER_BYTES)
    is_stereo, bits = struct.unpack_from(">HH", header, 12)
    (samples,) = struct.unpack_from(">I", header, 26)
    block_bytes = (2 if is_stereo else 1) * bits // 8
    return claim_of_data(start + _AVR_HEADER_BYTES, samples * block_bytes, block_bytes, size)


def _read_psion_wve(read_at: ReadAt, start: int, size: int) -> Claim:
    """A-law, one byte a sample, whose number stands behind the name and the version."""
    (samples,) = struct.unpack(">I", read_at(start + 18, 4))
    return claim_of_data(start + _WVE_HEADER_BYTES, samples, 1, size)


def _read_mpc2000(read_at: ReadAt, start: int, size: int) -> Claim:
    """Words of 16 bits, in one channel or two; the third of four numbers counts them."""
    header = read_at(start, _MPC2000_HEADER_BYTES)
    (samples,) = struct.unpack_from("<I", header, 30)
    block_bytes = 4 if header[21] else 2
    return claim_of_data(start + _MPC2000_HEADER_BYTES, samples * block_bytes, block_bytes, size)


def _is_ircam(head: bytes) -> bool:
    return (
        head[:4] in (b"\x64\xa3\x00\x00", b"\x00\x00\xa3\x64")
        or (head[:2] == b"\x64\xa3" and head[2:4] in (b"\x01\x00", b"\x02\x00", b"\x03\x00", b"\x04\x00"))
        or (head[2:4] == b"\xa3\x64" and head[:2] in (b"\x00\x01", b"\x00\x02", b"\x00\x03", b"\x00\x04"))
    )


def _is_mpc2000(head: bytes) -> bool:
    """Akai's sampler: two numbers, a name, then level, tuning and whether it is stereo."""
    name = head[2:18]
    return (
        head[:2] == b"\x01\x04"
        and len(head) > 42
        and all(0x20 <= byte < 0x7F for byte in name.rstrip(b"\0 "))
    )


def _is_hcom(head: bytes) -> bool:
    """A MacBinary header of an old Macintosh sound."""
    return head[65:69] == b"FSSD" and head[128:132] == b"HCOM"


FORMATS = (
    AudioFormat(
        name="au",
        title="Sun/NeXT AU",
        endings=(".au", ".snd"),
        decoders=(Decoder.LIBSNDFILE, Decoder.FFMPEG),
        demuxer="au",
        soundfile=("AU",),
        is_begun_by=starts_with(b".snd"),
        read_claim=_read_au,
    ),
    AudioFormat(
        name="au_little_endian",
        title="DEC AU",
        endings=(),
        decoders=(Decoder.LIBSNDFILE,),
        soundfile=("AU",),
        is_begun_by=starts_with(b"dns."),
        read_claim=_read_au,
    ),
    AudioFormat(
        name="voc",
        title="Creative Voice",
        endings=(".voc",),
        decoders=(Decoder.LIBSNDFILE, Decoder.FFMPEG),
        demuxer="voc",
        soundfile=("VOC",),
        is_begun_by=starts_with(b"Creative Voice File\x1a"),
        read_claim=read_voc,
    ),
    AudioFormat(
        name="sox",
        title="SoX's own format",
        endings=(".sox",),
        decoders=(Decoder.FFMPEG,),
        demuxer="sox",
        is_begun_by=starts_with(b".SoX", b"XoS."),
        read_claim=_read_sox,
    ),
    AudioFormat(
        name="paf",
        title="Ensoniq PARIS",
        endings=(".paf", ".fap"),
        decoders=(Decoder.LIBSNDFILE, Decoder.FFMPEG),
        demuxer="epaf",
        soundfile=("PAF",),
        is_begun_by=starts_with(b" paf", b"fap "),
    ),
    AudioFormat(
        name="ircam",
        title="Berkeley/IRCAM/CARL",
        endings=(".ircam",),
        decoders=(Decoder.LIBSNDFILE, Decoder.FFMPEG),
        demuxer="ircam",
        soundfile=("IRCAM",),
        is_begun_by=_is_ircam,
    ),
    AudioFormat(
        name="pvf",
        title="Portable Voice Format",
        endings=(".pvf",),
        decoders=(Decoder.LIBSNDFILE, Decoder.FFMPEG),
        demuxer="pvf",
        soundfile=("PVF",),
        is_begun_by=starts_with(b"PVF1\n"),
    ),
    AudioFormat(
        name="avr",
        title="Audio Visual Research",
        endings=(".avr",),
        decoders=(Decoder.LIBSNDFILE, Decoder.FFMPEG),
        demuxer="avr",
        soundfile=("AVR",),
        is_begun_by=starts_with(b"2BIT"),
        read_claim=_read_avr,
    ),
    AudioFormat(
        name="psion_wve",
        title="Psion Series 3",
        endings=(".wve",),
        decoders=(Decoder.LIBSNDFILE, Decoder.FFMPEG),
        demuxer="wve",
        soundfile=("WVE",),
        is_begun_by=starts_with(b"ALawSoundFile**"),
        read_claim=_read_psion_wve,
    ),
    AudioFormat(
        name="mpc2000",
        title="Akai MPC 2000",
        endings=(),
        decoders=(Decoder.LIBSNDFILE,),
        soundfile=("MPC2K",),
        is_begun_by=_is_mpc2000,
        read_claim=_read_mpc2000,
    ),
    AudioFormat(
        name="hcom",
        title="Macintosh HCOM",
        endings=(".hcom",),
        decoders=(Decoder.FFMPEG,),
        demuxer="hcom",
        is_begun_by=_is_hcom,
    ),
)
