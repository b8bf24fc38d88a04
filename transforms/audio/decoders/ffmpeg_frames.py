"""From FFmpeg's frames to blocks: gathered in FFmpeg's own queue and mixed down to mono."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import av
import numpy as np

from tonearm.transforms.audio.decoders.decoder import (
    BLOCK_VALUES,
    DecoderError,
    block_samples,
    require_plausible,
)
from tonearm.transforms.audio.decoders.downmix import Block, mix

_BLOCK_VALUES = BLOCK_VALUES // 2
"""Values are copied twice on their way into a block; with larger blocks they leave the cache: 2 % slower."""

_FEWEST_UNCOUNTABLE_PLANES = 8
"""PyAV counts planes up to a null pointer, which from eight channels on is not there, and crashes."""

_SAMPLE_TYPES = {"u8": "u1", "s16": "i2", "s32": "i4", "s64": "i8", "flt": "f4", "dbl": "f8"}
_SAMPLE_SCALES = {"u8": 2.0**-7, "s16": 2.0**-15, "s32": 2.0**-31}


def blocks_of(frames: Iterable[av.AudioFrame], channels: int) -> Iterator[Block]:
    """Gather frames in FFmpeg's own queue, so that they pass into NumPy block by block.

    Passing them one by one would take as long as decoding. What is queued when FFmpeg fails still counts.

    Args:
        frames: What a decoder yields.
        channels: How many channels they have to begin with.

    Raises:
        DecoderError: What the frames raised, after their last block, or a frame that is implausible.
    """
    queue, queued_channels, failure = av.AudioFifo(), 0, None
    wanted = block_samples(channels, _BLOCK_VALUES)
    try:
        for frame in frames:
            frame.pts = None  # gaps in the time stamps are no reason to stop
            if frame.layout.nb_channels != queued_channels or not _is_queued(frame, queue):
                require_plausible(frame.sample_rate, frame.layout.nb_channels)
                yield from _drain(queue)
                queue, queued_channels = av.AudioFifo(), frame.layout.nb_channels
                wanted = block_samples(queued_channels, _BLOCK_VALUES)
                queue.write(frame)
            if queue.samples >= wanted:
                yield from _drain(queue)
    except DecoderError as error:
        failure = error
    yield from _drain(queue)
    if failure is not None:
        raise failure


def _is_queued(frame: av.AudioFrame, queue: av.AudioFifo) -> bool:
    """Queue a frame of as many channels as those before it, unless its sample format or rate is another."""
    try:
        queue.write(frame)
    except ValueError:
        return False
    return True


def _drain(queue: av.AudioFifo) -> Iterator[Block]:
    frame = queue.read()
    if frame is not None:
        yield _mixed(frame)


def _mixed(frame: av.AudioFrame) -> Block:
    """Mix a frame of any sample format down to mono."""
    channels = frame.layout.nb_channels
    if frame.format.is_planar and channels >= _FEWEST_UNCOUNTABLE_PLANES:
        (frame,) = av.AudioResampler(format=frame.format.packed.name).resample(frame)
    packed_format = frame.format.packed.name
    return mix(
        _planes(frame) if frame.format.is_planar else _columns(frame),
        frame.sample_rate,
        scale=_SAMPLE_SCALES.get(packed_format, 1.0),
        zero=128 if packed_format == "u8" else 0,
    )


def _planes(frame: av.AudioFrame) -> list[np.ndarray]:
    """The channels of a planar frame, ``[samples]`` each; ``to_ndarray`` would copy them."""
    sample_type = _SAMPLE_TYPES[frame.format.packed.name]
    return [np.frombuffer(memoryview(plane), sample_type, frame.samples) for plane in frame.planes]


def _columns(frame: av.AudioFrame) -> np.ndarray:
    """The channels of a packed frame: ``[channels, samples]``."""
    return frame.to_ndarray().reshape(-1, frame.layout.nb_channels).T
