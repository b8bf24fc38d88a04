"""Makes real audio files of the rarer formats: by encoders, by tiny writers, or from a short fixture."""

from __future__ import annotations

import io
import struct
import tempfile
import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile as sf

from tests.audio_files import Recipe, sweep, write_with_ffmpeg

FIXTURES = Path(__file__).parent / "transforms" / "audio" / "fixtures"
SECONDS = 0.5
RATE_HZ = 44100


@dataclass(frozen=True, slots=True)
class RareFile:
    """How a file of a rare format is made, and what it must be taken for.

    Attributes:
        audio_format: Name of its format in the registry.
        codec: The word that ``AudioInfo.codec`` must show.
        make: Returns the file's bytes, half a second of sound.
        silent: True if the sound is silence, for want of an encoder.
    """

    audio_format: str
    codec: str
    make: Callable[[], bytes]
    silent: bool = False


def by_ffmpeg(
    container: str, encoder: str, *, rate_hz: int = RATE_HZ, channels: int = 2, seconds: float = SECONDS
) -> Callable[[], bytes]:
    """Make a file with one of FFmpeg's encoders."""

    def make() -> bytes:
        recipe = Recipe("", "", ffmpeg=(container, encoder))
        signal = sweep(seconds, rate_hz=rate_hz, channels=channels)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "file"
            write_with_ffmpeg(path, recipe, signal, rate_hz=rate_hz, cover=False)
            return path.read_bytes()

    return make


def by_libsndfile(
    container: str, subtype: str, *, endian: str = "FILE", rate_hz: int = RATE_HZ, channels: int = 2
) -> Callable[[], bytes]:
    """Make a file with libsndfile."""

    def make() -> bytes:
        file, signal = io.BytesIO(), sweep(SECONDS, rate_hz=rate_hz, channels=channels)
        sf.write(file, signal, rate_hz, subtype=subtype, endian=endian, format=container)
        return file.getvalue()

    return make


def from_fixture(name: str) -> Callable[[], bytes]:
    """Take a file that no encoder at hand can make."""
    return (FIXTURES / name).read_bytes


def dsf(oversampling: int = 64) -> bytes:
    """One-bit samples in Sony's container: blocks of 4096 bytes, the first sample in the lowest bit.

    Args:
        oversampling: 64, or a multiple of it: the rate over 44.1 kHz.
    """
    bits, count = _one_bit_samples()
    bits, count = np.repeat(bits, oversampling // 64, axis=1), count * (oversampling // 64)
    packed = [np.packbits(channel, bitorder="little").tobytes() for channel in bits]
    blocks = range(0, len(packed[0]), 4096)
    data = b"".join(channel[at : at + 4096].ljust(4096, b"\0") for at in blocks for channel in packed)
    fmt = struct.pack("<4sQIIIIIIQII", b"fmt ", 52, 1, 0, 2, 2, RATE_HZ * oversampling, 1, count, 4096, 0)
    body = fmt + struct.pack("<4sQ", b"data", 12 + len(data)) + data
    return struct.pack("<4sQQQ", b"DSD ", 28, 28 + len(body), 0) + body


def dff() -> bytes:
    """One-bit samples in Philips' container: channels byte by byte, the first sample in the highest bit."""
    bits, _ = _one_bit_samples()
    data = np.stack([np.packbits(channel) for channel in bits], axis=1).tobytes()
    sound = (
        b"SND "
        + _chunk(b"FS  ", struct.pack(">I", 2822400))
        + _chunk(b"CHNL", struct.pack(">H", 2) + b"SLFTSRGT")
    )
    sound += _chunk(b"CMPR", b"DSD \x0enot compressed\0")
    body = b"DSD " + _chunk(b"FVER", b"\x01\x05\0\0") + _chunk(b"PROP", sound) + _chunk(b"DSD ", data)
    return _chunk(b"FRM8", body)


def _chunk(name: bytes, body: bytes) -> bytes:
    return name + struct.pack(">Q", len(body)) + body + b"\0" * (len(body) % 2)


def _one_bit_samples() -> tuple[np.ndarray, int]:
    """A first-order sigma-delta modulator: bits ``[2, samples]``, a multiple of eight of them."""
    signal = np.repeat(sweep(SECONDS), 64, axis=0).T.astype(np.float64)
    steps = np.floor(np.cumsum((signal + 1) / 2, axis=1)).astype(np.int64)
    bits = np.diff(steps, axis=1, prepend=0).astype(np.uint8)
    count = bits.shape[1] // 8 * 8
    return bits[:, :count], count


def silent_ape() -> bytes:
    """Monkey's Audio whose one frame has the flag that says silence, so that nothing need be encoded."""
    blocks, both_channels_silent = int(SECONDS * RATE_HZ), 3
    checksum = zlib.crc32(bytes(4 * blocks)) >> 1
    frame = struct.pack(">II", 0x80000000 | checksum, both_channels_silent) + bytes(8)
    frame = b"".join(frame[at : at + 4][::-1] for at in range(0, len(frame), 4))
    seek_table, header_bytes = struct.pack("<I", 52 + 24 + 4), 24
    descriptor = struct.pack("<4sHHIIIIIII16x", b"MAC ", 3990, 0, 52, header_bytes, 4, 0, len(frame), 0, 0)
    header = struct.pack("<HHIIIHHI", 2000, 0, 73728, blocks, 1, 16, 2, RATE_HZ)
    return descriptor + header + seek_table + frame


def mpeg_layer_1() -> bytes:
    """Frames of Layer I at 192 kbit/s, mono: one subband with samples of four bits, the others empty."""
    random, frames = np.random.default_rng(1), []
    for _ in range(int(SECONDS * RATE_HZ) // 384):
        bits = "1111111111111111" + "01100000" + "11000000"  # MPEG 1, Layer I, no checksum; mono
        bits += "".join("0011" if subband == 2 else "0000" for subband in range(32)) + "000110"
        bits += "".join(f"{value:04b}" for value in random.integers(0, 15, 12))
        frames.append(int(bits.ljust(208 * 8, "0"), 2).to_bytes(208, "big"))
    return b"".join(frames)


def shorten() -> bytes:
    """Shorten 2 without prediction: samples as they are, in Rice codes."""
    samples = (sweep(SECONDS, channels=1)[:, 0] * 32767).astype(int)
    bits = "".join(_shorten_number(number) for number in (5, 1, 256, 0, 0, 0))  # 16-bit, mono, blocks of 256
    wav = io.BytesIO()
    sf.write(wav, samples.astype(np.int16), RATE_HZ, format="WAV")
    header = wav.getvalue()[:44]
    bits += _rice(9, 2) + _rice(len(header), 5) + "".join(_rice(byte, 8) for byte in header)
    for at in range(0, len(samples) // 256 * 256, 256):
        folded = (2 * value if value >= 0 else -2 * value - 1 for value in samples[at : at + 256])
        bits += _rice(0, 2) + _rice(7, 3) + "".join(_rice(value, 8) for value in folded)
    bits += _rice(4, 2)
    bits = bits.ljust(-(-len(bits) // 32) * 32, "0")
    return b"ajkg\x02" + int(bits, 2).to_bytes(len(bits) // 8, "big") + bytes(64)


def _shorten_number(number: int) -> str:
    width = number.bit_length()
    return _rice(width, 2) + _rice(number, width)


def _rice(number: int, low_bits: int) -> str:
    low = f"{number & (1 << low_bits) - 1:0{low_bits}b}" if low_bits else ""
    return "0" * (number >> low_bits) + "1" + low


RARE_FILES: Mapping[str, RareFile] = {
    "ac3": RareFile("ac3", "ac3", by_ffmpeg("ac3", "ac3")),
    "adx": RareFile("adx", "adpcm_adx", by_ffmpeg("adx", "adpcm_adx")),
    "aiff_big": RareFile("aiff", "pcm_s16", by_libsndfile("AIFF", "PCM_16", endian="BIG")),
    "amr": RareFile("amr", "amr_nb", by_ffmpeg("amr", "libopencore_amrnb", rate_hz=8000, channels=1)),
    "ape": RareFile("ape", "ape", silent_ape, silent=True),
    "ast": RareFile("ast", "pcm_s16", by_ffmpeg("ast", "pcm_s16be_planar")),
    "au": RareFile("au", "pcm_s16", by_libsndfile("AU", "PCM_16")),
    "au_little": RareFile("au_little_endian", "pcm_s16", by_libsndfile("AU", "PCM_16", endian="LITTLE")),
    "avi": RareFile("avi", "mp3", by_ffmpeg("avi", "libmp3lame")),
    "avr": RareFile("avr", "pcm_s16", by_libsndfile("AVR", "PCM_16")),
    "dff": RareFile("dff", "dsd_msbf", dff),
    "dsf": RareFile("dsf", "dsd_lsbf_planar", dsf),
    "dts": RareFile("dts", "dts", from_fixture("tone.dts")),
    "eac3": RareFile("eac3", "eac3", by_ffmpeg("eac3", "eac3")),
    "flv": RareFile("flv", "mp3", by_ffmpeg("flv", "libmp3lame")),
    "gsm": RareFile("gsm", "gsm", by_libsndfile("RAW", "GSM610", rate_hz=8000, channels=1)),
    "htk": RareFile("htk", "pcm_s16", by_libsndfile("HTK", "PCM_16", channels=1)),
    "iec61937": RareFile("iec61937", "ac3", by_ffmpeg("spdif", "ac3", rate_hz=48000)),
    "ircam": RareFile("ircam", "pcm_s16", by_libsndfile("IRCAM", "PCM_16")),
    "loas": RareFile("loas", "aac_latm", by_ffmpeg("latm", "aac")),
    "matlab_4": RareFile("matlab", "pcm_s16", by_libsndfile("MAT4", "PCM_16", endian="LITTLE")),
    "matlab_5_little": RareFile("matlab", "pcm_s16", by_libsndfile("MAT5", "PCM_16", endian="LITTLE")),
    "matlab_5": RareFile("matlab", "pcm_s16", by_libsndfile("MAT5", "PCM_16", endian="BIG")),
    "mp1": RareFile("mp1", "mp1", mpeg_layer_1),
    "mp2": RareFile("mp3", "mp2", by_ffmpeg("mp2", "mp2")),
    "mpc2000": RareFile("mpc2000", "pcm_s16", by_libsndfile("MPC2K", "PCM_16")),
    "mpeg_ps": RareFile("mpeg_ps", "mp2", by_ffmpeg("mpeg", "mp2")),
    "mpeg_ts": RareFile("mpeg_ts", "aac", by_ffmpeg("mpegts", "aac")),
    "musepack_8": RareFile("musepack_8", "musepack8", from_fixture("tone.mpc")),
    "nist": RareFile("nist", "pcm_s16", by_libsndfile("NIST", "PCM_16")),
    "nut": RareFile("nut", "mp3", by_ffmpeg("nut", "libmp3lame")),
    "paf": RareFile("paf", "pcm_s16", by_libsndfile("PAF", "PCM_16")),
    "psion_wve": RareFile("psion_wve", "pcm_alaw", by_libsndfile("WVE", "ALAW", rate_hz=8000, channels=1)),
    "pvf": RareFile("pvf", "pcm_s16", by_libsndfile("PVF", "PCM_16")),
    "real_media": RareFile("real_media", "ac3", by_ffmpeg("rm", "ac3")),
    "shorten": RareFile("shorten", "shorten", shorten),
    "sox": RareFile("sox", "pcm_s32", by_ffmpeg("sox", "pcm_s32le")),
    "svx": RareFile("svx", "pcm_s8", by_libsndfile("SVX", "PCM_S8", channels=1)),
    "swf": RareFile("swf", "mp3", by_ffmpeg("swf", "libmp3lame")),
    "truehd": RareFile("truehd", "truehd", from_fixture("tone.thd")),
    "tta": RareFile("tta", "tta", by_ffmpeg("tta", "tta")),
    "voc": RareFile("voc", "pcm_s16", by_libsndfile("VOC", "PCM_16")),
    "wavpack": RareFile("wavpack", "wavpack", by_ffmpeg("wv", "wavpack")),
    "wtv": RareFile("wtv", "mp2", by_ffmpeg("wtv", "mp2")),
}
