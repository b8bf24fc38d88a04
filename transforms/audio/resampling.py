"""Resampling: blocks, each at a rate of its own, to samples at one rate."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

import numpy as np
import soxr

from tonearm.transforms.audio.decoders.downmix import Block, Samples


def resampled(blocks: Iterable[Block], to_hz: int) -> Iterator[Samples]:
    """Stream blocks through soxr's HQ resampler; those at the right rate pass through.

    Where the rate changes the resampler is emptied and begins anew, as the stream does.

    Args:
        blocks: Mono blocks in order.
        to_hz: The rate that is wanted.

    Yields:
        float32 ``[samples]`` at ``to_hz``.
    """
    for from_hz, of_one_rate in groupby(blocks, lambda block: block.sample_rate_hz):
        signal = (block.samples for block in of_one_rate)
        yield from signal if from_hz == to_hz else _resampled(signal, from_hz, to_hz)


def _resampled(signal: Iterable[Samples], from_hz: int, to_hz: int) -> Iterator[Samples]:
    stream = soxr.ResampleStream(from_hz, to_hz, 1, "float32", "HQ")
    for samples in signal:
        yield stream.resample_chunk(samples)
    yield stream.resample_chunk(np.empty(0, np.float32), last=True)
