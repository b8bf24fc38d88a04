"""Write samples as a tagged audio file."""

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import soundfile
from numpy.typing import NDArray

BLOCK = 4096
VORBIS_QUALITY = 0.4
LOSSLESS_FORMATS = {"flac": "s16", "alac": "s16p"}  # else they would take 24 bits of it

Samples = NDArray[np.float32]
"""One row a frame, one column a channel, -1 to 1."""


@dataclass(frozen=True)
class Encoding:
    """What a file is written as.

    Attributes:
        codec: FFmpeg's name of the encoder, or `vorbis`, for which libsndfile has the better one.
        rate_hz: Sample rate.
        layout: FFmpeg's name of the channel layout, `mono` or `stereo`.
        kbit_s: Bit rate of a lossy codec; 0 leaves it to the codec.

    """

    codec: str
    rate_hz: int = 44100
    layout: str = "stereo"
    kbit_s: int = 0

    @property
    def channels(self) -> int:
        """How many channels the layout has."""
        return {"mono": 1, "stereo": 2}[self.layout]


def encode(
    path: Path, samples: Samples, encoding: Encoding, *, tags: dict[str, str], cover: bytes | None = None
) -> None:
    """Write `samples` to `path` in the container that its extension names.

    Args:
        path: The file to write.
        samples: The sound; as many columns as `encoding` has channels.
        encoding: Codec, rate and channels.
        tags: Title, artist and so on, under FFmpeg's names.
        cover: A PNG to embed as the front cover.

    """
    # Bit-exact output carries no clock time, no random stream number and no encoder version.
    with av.open(str(path), "w", options={"fflags": "+bitexact"}) as container:
        container.metadata.update(tags)
        if encoding.codec == "vorbis":
            _remux(_vorbis(samples, encoding.rate_hz), container)
            return
        stream = container.add_stream(encoding.codec, rate=encoding.rate_hz, layout=encoding.layout)
        assert isinstance(stream, av.AudioStream)
        stream.codec_context.flags |= av.codec.context.Flags.bitexact
        if encoding.codec in LOSSLESS_FORMATS:
            stream.format = LOSSLESS_FORMATS[encoding.codec]
        if encoding.kbit_s:
            stream.bit_rate = 1000 * encoding.kbit_s
        if cover:
            _add_cover(container, cover)
        for frame in _frames(samples, encoding):
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def _frames(samples: Samples, encoding: Encoding) -> Iterator[av.AudioFrame]:
    """Cut the sound into blocks; the encoder resizes and converts them as it needs."""
    planes = np.ascontiguousarray(samples.T, dtype=np.float32)
    for start in range(0, planes.shape[1], BLOCK):
        block = np.ascontiguousarray(planes[:, start : start + BLOCK])
        frame = av.AudioFrame.from_ndarray(block, format="fltp", layout=encoding.layout)
        frame.sample_rate = encoding.rate_hz
        frame.pts = start
        yield frame


def _vorbis(samples: Samples, rate_hz: int) -> io.BytesIO:
    buffer = io.BytesIO()
    ogg = {"format": "OGG", "subtype": "VORBIS", "compression_level": 1 - VORBIS_QUALITY}
    with soundfile.SoundFile(buffer, "w", rate_hz, samples.shape[1], **ogg) as file:
        for start in range(0, len(samples), BLOCK):  # one long write can overflow its stack
            file.write(samples[start : start + BLOCK])
    buffer.seek(0)
    return buffer


def _remux(source: io.BytesIO, container: av.container.OutputContainer) -> None:
    """Copy the packets of an Ogg file, leaving its tags and its random stream number behind."""
    with av.open(source, "r") as ogg:
        stream = container.add_stream_from_template(ogg.streams.audio[0])
        for packet in ogg.demux(audio=0):
            if packet.dts is not None:
                packet.stream = stream
                container.mux(packet)


def _add_cover(container: av.container.OutputContainer, png: bytes) -> None:
    stream = container.add_stream("png")
    stream.width = stream.height = struct.unpack(">I", png[16:20])[0]
    stream.pix_fmt = "rgb24"
    stream.disposition = av.stream.Disposition.attached_pic
    stream.metadata["comment"] = "Cover (front)"
    packet = av.Packet(png)
    packet.stream = stream
    packet.pts = packet.dts = 0
    packet.is_keyframe = True
    container.mux(packet)


def draw_record(size: int = 300) -> bytes:
    """Draw a record from above, as a PNG: the picture on the cover.

    Args:
        size: Width and height in pixels.

    """
    y, x = np.mgrid[:size, :size] / (size - 1) - 0.5
    radius = np.hypot(x, y)
    pixels = np.full((size, size, 3), (236, 225, 203), np.uint8)
    pixels[radius < 0.46] = (28, 28, 32)
    pixels[(radius < 0.44) & (radius > 0.18) & (np.floor(radius * 100) % 3 == 0)] = (48, 48, 54)
    pixels[radius < 0.16] = (178, 58, 46)
    pixels[radius < 0.015] = (236, 225, 203)
    return _png(pixels)


def _png(pixels: NDArray[np.uint8]) -> bytes:
    """Pack rows of RGB pixels as a PNG."""
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    chunks = {b"IHDR": header, b"IDAT": zlib.compress(rows, 9), b"IEND": b""}
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks.items()
    )
