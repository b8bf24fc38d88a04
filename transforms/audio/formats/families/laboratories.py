"""Recordings of laboratories: NIST SPHERE, HTK, MATLAB."""

from __future__ import annotations

import re
import struct

from tonearm.transforms.audio.formats.audio_format import AudioFormat, Decoder, starts_with
from tonearm.transforms.audio.formats.claim import (
    Claim,
    Correction,
    ReadAt,
    chunks,
    claim_of_data,
    is_cut,
)

_NIST_FIELD = re.compile(rb"^(channel_count|sample_count|sample_n_bytes) -\w+ +(\d+)", re.MULTILINE)
_NIST_LONGEST_HEADER_BYTES = 16 * 1024
_HTK_HEADER_BYTES, _HTK_SAMPLE_BYTES = 12, 2
_HTK_WAVEFORM = b"\x00\x02\x00\x00"
_HTK_TICKS_PER_SECOND = 10_000_000
_MATLAB_5 = b"MATLAB 5.0 MAT-file"
_MATLAB_5_HEADER_BYTES, _MATLAB_5_BYTE_ORDER_AT = 128, 126
_MATLAB_4_HEADER_BYTES = 20
_MATLAB_4_BYTES_PER_NUMBER = (8, 4, 4, 2, 2, 1)
_MOST_MATRICES = 100


def _read_nist(read_at: ReadAt, start: int, size: int) -> Claim:
    """Lines of text, of which the second says how long they are; samples are counted per channel."""
    head = read_at(start, _NIST_LONGEST_HEADER_BYTES)
    header_bytes = int(head[8:16])
    fields = {name: int(value) for name, value in _NIST_FIELD.findall(head[:header_bytes])}
    block_bytes = fields.get(b"channel_count", 1) * fields.get(b"sample_n_bytes", 0)
    if b"sample_count" not in fields or not block_bytes:
        return Claim()
    return claim_of_data(start + header_bytes, fields[b"sample_count"] * block_bytes, block_bytes, size)


def _is_htk(head: bytes) -> bool:
    """No magic number: samples, time between them, two bytes each, of kind 0."""
    if len(head) < 16 or head[8:12] != _HTK_WAVEFORM:
        return False
    samples, ticks = struct.unpack_from(">II", head)
    return samples > 0 and 4_000 <= _HTK_TICKS_PER_SECOND / max(ticks, 1) <= 192_000


def _read_htk(read_at: ReadAt, start: int, size: int) -> Claim:
    """The number of samples comes first; libsndfile reads no file that has not exactly as many."""
    (samples,) = struct.unpack(">I", read_at(start, 4))
    data = start + _HTK_HEADER_BYTES
    there = (size - data) // _HTK_SAMPLE_BYTES
    return Claim(
        samples,
        cut=is_cut(data + _HTK_SAMPLE_BYTES * samples, size),
        corrections=(Correction(start, struct.pack(">I", there)),),
        end=data + _HTK_SAMPLE_BYTES * there,
    )


def _is_matlab_recording(head: bytes) -> bool:
    """Of MATLAB's files only those with the variables that libsndfile and Octave write are recordings."""
    is_matlab = head[:4] in (b"\x00\x00\x03\xe8", b"\x00\x00\x00\x00") or head.startswith(_MATLAB_5)
    return is_matlab and b"samplerate\0" in head[:512] and b"wavedata" in head[:512]


def _read_matlab(read_at: ReadAt, start: int, size: int) -> Claim:
    """Variables end to end, each of which says how long it is: none may go on beyond the file."""
    head = read_at(start, _MATLAB_5_HEADER_BYTES)
    if not head.startswith(_MATLAB_5):
        return _read_matlab_4(read_at, start, size)
    order = "<" if head[_MATLAB_5_BYTE_ORDER_AT:] == b"IM" else ">"
    variables = chunks(read_at, start + _MATLAB_5_HEADER_BYTES, size, f"{order}4sI", alignment=8)
    return Claim(cut=any(is_cut(variable.offset + variable.size, size) for variable in variables))


def _read_matlab_4(read_at: ReadAt, start: int, size: int) -> Claim:
    """A variable's header: kind of number, rows, columns, imaginary or not, length of the name."""
    order, at = ">" if read_at(start, 1 + 3)[3] else "<", start
    for _ in range(_MOST_MATRICES):
        header = read_at(at, _MATLAB_4_HEADER_BYTES)
        if at >= size or len(header) < _MATLAB_4_HEADER_BYTES:
            break
        kind, rows, columns, has_imaginary, name_bytes = struct.unpack(f"{order}5I", header)
        number_bytes = _MATLAB_4_BYTES_PER_NUMBER[kind // 10 % 10] * (2 if has_imaginary else 1)
        at += _MATLAB_4_HEADER_BYTES + name_bytes + rows * columns * number_bytes
    return Claim(cut=is_cut(at, size))


FORMATS = (
    AudioFormat(
        name="nist",
        title="NIST SPHERE",
        endings=(".sph", ".nist"),
        decoders=(Decoder.LIBSNDFILE, Decoder.FFMPEG),
        demuxer="nistsphere",
        soundfile=("NIST",),
        is_begun_by=starts_with(b"NIST_1A"),
        read_claim=_read_nist,
    ),
    AudioFormat(
        name="htk",
        title="HTK waveform",
        endings=(".htk",),
        decoders=(Decoder.LIBSNDFILE,),
        soundfile=("HTK",),
        is_begun_by=_is_htk,
        read_claim=_read_htk,
    ),
    AudioFormat(
        name="matlab",
        title="recording in a MATLAB file",
        endings=(),
        decoders=(Decoder.LIBSNDFILE,),
        soundfile=("MAT4", "MAT5"),
        is_begun_by=_is_matlab_recording,
        read_claim=_read_matlab,
    ),
)
