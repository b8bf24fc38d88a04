"""Makes real audio files of every format that the pipeline reads, from a numpy signal."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

import av
import numpy as np
import soundfile as sf

COVER_PIXELS = (300, 300)
LIBSNDFILE_WRITE_SAMPLES = 1 << 14
"""libsndfile's Vorbis encoder overflows the stack when it is handed minutes at once."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How one kind of file is made.

    Attributes:
        extension: What such a file is usually called.
        codec: The word that ``AudioInfo.codec`` must show.
        soundfile: libsndfile's format and subtype, for the files that it writes.
        ffmpeg: FFmpeg's container and encoder, for the others.
        options: Options of FFmpeg's muxer.
        rates_hz: Sample rates that the encoder takes; empty for any.
        lossless: True if the samples come back as they went in, to 16 bits.
        bits_per_second: What FFmpeg's encoder is asked for.
    """

    extension: str
    codec: str
    soundfile: tuple[str, str] | None = None
    ffmpeg: tuple[str, str] | None = None
    options: Mapping[str, str] = field(default_factory=dict)
    rates_hz: tuple[int, ...] = ()
    lossless: bool = False
    bits_per_second: int = 128_000


RECIPES: Mapping[str, Recipe] = {
    "mp3": Recipe("mp3", "mp3", ffmpeg=("mp3", "libmp3lame")),
    "mp3_without_xing": Recipe("mp3", "mp3", ffmpeg=("mp3", "libmp3lame"), options={"write_xing": "0"}),
    "mp3_by_libsndfile": Recipe("mp3", "mp3", soundfile=("MP3", "MPEG_LAYER_III")),
    "aac_adts": Recipe("aac", "aac", ffmpeg=("adts", "aac")),
    "aac_m4a": Recipe("m4a", "aac", ffmpeg=("ipod", "aac")),
    "aac_m4a_moov_first": Recipe("m4a", "aac", ffmpeg=("mp4", "aac"), options={"movflags": "faststart"}),
    "aac_m4a_fragmented": Recipe(
        "m4a", "aac", ffmpeg=("mp4", "aac"), options={"movflags": "frag_keyframe+empty_moov"}
    ),
    "alac_m4a": Recipe("m4a", "alac", ffmpeg=("ipod", "alac"), lossless=True),
    "flac": Recipe("flac", "flac", soundfile=("FLAC", "PCM_16"), lossless=True),
    "flac_24": Recipe("flac", "flac", soundfile=("FLAC", "PCM_24"), lossless=True),
    "flac_by_ffmpeg": Recipe("flac", "flac", ffmpeg=("flac", "flac"), lossless=True),
    "wav_8": Recipe("wav", "pcm_u8", soundfile=("WAV", "PCM_U8")),
    "wav_16": Recipe("wav", "pcm_s16", soundfile=("WAV", "PCM_16"), lossless=True),
    "wav_24": Recipe("wav", "pcm_s24", soundfile=("WAV", "PCM_24"), lossless=True),
    "wav_32": Recipe("wav", "pcm_s32", soundfile=("WAV", "PCM_32"), lossless=True),
    "wav_float32": Recipe("wav", "pcm_f32", soundfile=("WAV", "FLOAT"), lossless=True),
    "wav_float64": Recipe("wav", "pcm_f64", soundfile=("WAV", "DOUBLE"), lossless=True),
    "wav_extensible": Recipe("wav", "pcm_s24", soundfile=("WAVEX", "PCM_24"), lossless=True),
    "wav_adpcm": Recipe("wav", "adpcm_ima_wav", soundfile=("WAV", "IMA_ADPCM")),
    "rf64": Recipe("wav", "pcm_s16", soundfile=("RF64", "PCM_16"), lossless=True),
    "w64": Recipe("w64", "pcm_s16", soundfile=("W64", "PCM_16"), lossless=True),
    "aiff_16": Recipe("aiff", "pcm_s16", soundfile=("AIFF", "PCM_16"), lossless=True),
    "aiff_24": Recipe("aiff", "pcm_s24", soundfile=("AIFF", "PCM_24"), lossless=True),
    "aifc_float": Recipe("aifc", "pcm_f32", soundfile=("AIFF", "FLOAT"), lossless=True),
    "caf_16": Recipe("caf", "pcm_s16", soundfile=("CAF", "PCM_16"), lossless=True),
    "vorbis": Recipe("ogg", "vorbis", soundfile=("OGG", "VORBIS")),
    "opus": Recipe("opus", "opus", ffmpeg=("ogg", "libopus"), rates_hz=(48000,)),
    "flac_ogg": Recipe("oga", "flac", ffmpeg=("ogg", "flac"), lossless=True),
    "wma": Recipe("wma", "wma", ffmpeg=("asf", "wmav2"), rates_hz=(22050, 32000, 44100, 48000)),
    "opus_webm": Recipe("webm", "opus", ffmpeg=("webm", "libopus"), rates_hz=(48000,)),
    "flac_matroska": Recipe("mka", "flac", ffmpeg=("matroska", "flac"), lossless=True),
}

CHANNEL_LAYOUTS = {1: "mono", 2: "stereo", 3: "3.0", 4: "quad", 5: "5.0", 6: "5.1", 7: "6.1", 8: "7.1"}
ALAC_LAYOUTS = {**CHANNEL_LAYOUTS, 4: "4.0", 7: "6.1(back)", 8: "7.1(wide)"}


def sweep(
    seconds: float, *, rate_hz: int = 44100, channels: int = 2, from_hz: float = 200.0, to_hz: float = 2000.0
) -> np.ndarray:
    """A sine sweep, louder in the first channel than in the last: float32 ``[samples, channels]``."""
    time_s = np.arange(round(seconds * rate_hz)) / rate_hz
    phase = 2 * np.pi * (from_hz * time_s + (to_hz - from_hz) * time_s**2 / (2 * seconds))
    gains = np.linspace(0.6, 0.3, channels)
    return (np.sin(phase)[:, None] * gains).astype(np.float32)


def write_audio(
    path: Path, kind: str, signal: np.ndarray, *, rate_hz: int = 44100, cover: bool = False
) -> Path:
    """Write a file of one kind (a key of ``RECIPES``).

    Args:
        path: Where to; the extension does not matter.
        kind: A key of ``RECIPES``.
        signal: Float32 ``[samples, channels]``, within ±1.
        rate_hz: Sample rate.
        cover: True to attach a picture (``mp3``, ``flac_by_ffmpeg`` and ``aac_m4a_moov_first`` only).

    Returns:
        ``path``.
    """
    recipe = RECIPES[kind]
    if recipe.soundfile:
        container, subtype = recipe.soundfile
        with sf.SoundFile(path, "w", rate_hz, signal.shape[1], subtype, format=container) as file:
            for start in range(0, len(signal), LIBSNDFILE_WRITE_SAMPLES):
                file.write(signal[start : start + LIBSNDFILE_WRITE_SAMPLES])
    else:
        assert recipe.ffmpeg
        write_with_ffmpeg(path, recipe, signal, rate_hz=rate_hz, cover=cover)
    return path


def write_with_ffmpeg(
    path: Path, recipe: Recipe, signal: np.ndarray, *, rate_hz: int, cover: bool, video: bool = False
) -> None:
    assert recipe.ffmpeg
    container_name, encoder = recipe.ffmpeg
    with av.open(str(path), "w", format=container_name, options=dict(recipe.options)) as container:
        container.metadata["title"] = "Sweep"
        layouts = ALAC_LAYOUTS if encoder == "alac" else CHANNEL_LAYOUTS
        stream = container.add_stream(encoder, rate=rate_hz, layout=layouts[signal.shape[1]])
        stream.bit_rate = recipe.bits_per_second
        picture = _add_cover(container) if cover else None
        clip = (
            container.add_stream("mpeg4", rate=5, width=64, height=64, pix_fmt="yuv420p") if video else None
        )
        container.start_encoding()
        if picture is not None:
            container.mux(picture)
        for number in range(10 if clip is not None else 0):
            image = np.full((64, 64, 3), 20 * number, np.uint8)
            container.mux(clip.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        if clip is not None:
            container.mux(clip.encode(None))
        for frame in _frames(signal, rate_hz, stream):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _frames(signal: np.ndarray, rate_hz: int, stream: av.AudioStream) -> list[av.AudioFrame]:
    """The signal in the sample format and the frame length that the encoder wants."""
    whole = av.AudioFrame.from_ndarray(
        np.ascontiguousarray(signal).reshape(1, -1), format="flt", layout=stream.layout.name
    )
    whole.sample_rate = rate_hz
    whole.pts = 0
    context = stream.codec_context
    resampler = av.AudioResampler(
        format=context.format.name, layout=stream.layout.name, rate=rate_hz, frame_size=context.frame_size
    )
    return [*resampler.resample(whole), *resampler.resample(None)]


def _add_cover(container: av.container.OutputContainer) -> av.Packet:
    """Add a picture stream marked as cover art, and return its one packet (a JPEG of noise)."""
    width, height = COVER_PIXELS
    stream = container.add_stream("mjpeg", rate=1, width=width, height=height, pix_fmt="yuvj420p")
    stream.disposition = av.stream.Disposition.attached_pic
    pixels = np.random.default_rng(5).integers(0, 256, (height, width, 3), dtype=np.uint8)
    packets = stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24"))
    return [*packets, *stream.encode(None)][0]


def write_video(
    path: Path, signal: np.ndarray | None, *, container: str = "mp4", rate_hz: int = 44100
) -> Path:
    """Write a short film, with the signal as its AAC sound track, or silent if there is none."""
    if signal is not None:
        recipe = Recipe(container, "aac", ffmpeg=(container, "aac"))
        write_with_ffmpeg(path, recipe, signal, rate_hz=rate_hz, cover=False, video=True)
        return path
    with av.open(str(path), "w", format=container) as film:
        stream = film.add_stream("mpeg4", rate=5, width=64, height=64, pix_fmt="yuv420p")
        for number in range(10):
            image = np.full((64, 64, 3), 20 * number, np.uint8)
            film.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        film.mux(stream.encode(None))
    return path


def id3v2_tag(payload_bytes: int) -> bytes:
    """An ID3v2.3 tag with one private frame of the given size, as large cover art would make it."""
    body = b"PRIV" + struct.pack(">IH", payload_bytes, 0) + bytes(payload_bytes)
    size = len(body)
    syncsafe = bytes((size >> shift) & 0x7F for shift in (21, 14, 7, 0))
    return b"ID3\x03\x00\x00" + syncsafe + body


def id3v1_tag() -> bytes:
    """The 128-byte tag that old MP3 files end with."""
    return b"TAG" + b"Sweep".ljust(125, b"\0")


def wav_header(
    *, data_bytes: int, rate_hz: int = 44100, channels: int = 2, riff_bytes: int | None = None
) -> bytes:
    """A 44-byte header of a 16-bit WAV file that claims so many bytes of samples."""
    riff = min(data_bytes + 36, 0xFFFFFFFF) if riff_bytes is None else riff_bytes
    return (
        struct.pack("<4sI4s4sIHHIIHH", b"RIFF", riff, b"WAVE", b"fmt ", 16, 1, channels, rate_hz,
                    rate_hz * channels * 2, channels * 2, 16)
        + struct.pack("<4sI", b"data", data_bytes)
    )  # fmt: skip
