"""Plain samples behind the headers of older workstations, sound cards, samplers and laboratories."""

from __future__ import annotations

import struct
from collections.abc import Mapping

from tonearm.transforms.audio.formats.audio_format import AudioFormat, Decoder, starts_with
from tonearm.transforms.audio.formats.claim import (
    Claim,
    ReadAt,
    SizeField,
    claim_of_data,
    is_cut,
    is_unknown_size,
)

_AU_BYTES_PER_SAMPLE: Mapping[int, int] = {1: 1, 2: 1, 3: 2, 4: 3, 5: 4, 6: 4, 7: 8, 27: 1}
_HTK_WAVEFORM = b"\x00\x02\x00\x00"
_HTK_TICKS_PER_SECOND = 10_000_000
_VOC_HEADER_BYTES_AT = 20
_VOC_END, _VOC_MARKERS = 0, (0, 1, 2, 3, 4, 5, 6, 7, 8, 9)
_SOX_HEADER_BYTES = 28


def _read_au(read_at: ReadAt, start: int, size: int) -> Claim:
    """Six numbers: magic, where the samples begin, their bytes, encoding, rate, channels."""
    header = read_at(start, 24)
    order = ">" if header[:4] == b".snd" else "<"
    offset, data_bytes, encoding, _, channels = struct.unpack_from(f"{order}5I", header, 4)
    block_bytes = _AU_BYTES_PER_SAMPLE.get(encoding, 0) * channels
    field = SizeField(start + 8, f"{order}I")
    return claim_of_data(start + offset, data_bytes, block_bytes, size, size_field=field)


def _read_voc(read_at: ReadAt, start: int, size: int) -> Claim:
    """Blocks of a type and 24 bits of size each, up to one of type 0."""
    (offset,) = struct.unpack("<H", read_at(start + _VOC_HEADER_BYTES_AT, 2))
    offset += start
    while True:
        header = read_at(offset, 4)
        if len(header) < 4 or header[0] == _VOC_END or header[0] not in _VOC_MARKERS:
            return Claim()
        block_bytes = int.from_bytes(header[1:], "little")
        offset += 4 + block_bytes
        if offset > size:
            unknown = is_unknown_size(block_bytes, 24)
            return Claim(cut=is_cut(offset, size) and not unknown, unknown=unknown)


def _read_sox(read_at: ReadAt, start: int, size: int) -> Claim:
    """Samples of 32 bits, counted over all channels, behind a header with a comment."""
    header = read_at(start, _SOX_HEADER_BYTES)
    order = "<" if header[:4] == b".SoX" else ">"
    header_bytes, values, _, channels = struct.unpack_from(f"{order}IQdI", header, 4)
    if is_unknown_size(values, 64) or not channels:
        return Claim(unknown=True)
    return claim_of_data(start + 4 + header_bytes, 4 * values, 4 * channels, size, bits=64)


def _is_htk(head: bytes) -> bool:
    """No magic number: samples, time between them, two bytes each, of kind 0."""
    if len(head) < 16 or head[8:12] != _HTK_WAVEFORM:
        return False
    samples, ticks = struct.unpack_from(">II", head)
    return samples > 0 and 4_000 <= _HTK_TICKS_PER_SECOND / max(ticks, 1) <= 192_000


def _is_ircam(head: bytes) -> bool:
    return (
        head[:4] in (b"\x64\xa3\x00\x00", b"\x00\x00\xa3\x64")
        or (head[:2] == b"\x64\xa3" and head[2:4] in (b"\x01\x00", b"\x02\x00", b"\x03\x00", b"\x04\x00"))
        or (head[2:4] == b"\xa3\x64" and head[:2] in (b"\x00\x01", b"\x00\x02", b"\x00\x03", b"\x00\x04"))
    )


def _is_matlab_recording(head: bytes) -> bool:
    """Of MATLAB's files only those with the variables that libsndfile and Octave write are recordings."""
    is_matlab = head[:4] in (b"\x00\x00\x03\xe8", b"\x00\x00\x00\x00") or head.startswith(
        b"MATLAB 5.0 MAT-file"
    )
    return is_matlab and b"samplerate\0" in head[:512] and b"wavedata" in head[:512]


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
        read_claim=_read_voc,
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
        name="nist",
        title="NIST SPHERE",
        endings=(".sph", ".nist"),
        decoders=(Decoder.LIBSNDFILE, Decoder.FFMPEG),
        demuxer="nistsphere",
        soundfile=("NIST",),
        is_begun_by=starts_with(b"NIST_1A"),
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
    ),
    AudioFormat(
        name="htk",
        title="HTK waveform",
        endings=(".htk",),
        decoders=(Decoder.LIBSNDFILE,),
        soundfile=("HTK",),
        is_begun_by=_is_htk,
    ),
    AudioFormat(
        name="matlab",
        title="recording in a MATLAB file",
        endings=(),
        decoders=(Decoder.LIBSNDFILE,),
        soundfile=("MAT4", "MAT5"),
        is_begun_by=_is_matlab_recording,
    ),
    AudioFormat(
        name="psion_wve",
        title="Psion Series 3",
        endings=(".wve",),
        decoders=(Decoder.LIBSNDFILE, Decoder.FFMPEG),
        demuxer="wve",
        soundfile=("WVE",),
        is_begun_by=starts_with(b"ALawSoundFile**"),
    ),
    AudioFormat(
        name="mpc2000",
        title="Akai MPC 2000",
        endings=(),
        decoders=(Decoder.LIBSNDFILE,),
        soundfile=("MPC2K",),
        is_begun_by=_is_mpc2000,
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
