"""Mixing channels to mono, and measuring how loud they are and how much of that is lost by it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]

LOWEST_LEVEL_DB = -120.0
"""The level that is reported of what is next to silence, in dB of full scale."""

MOST_LOSS_DB = 120.0
"""The loss that is reported where channels cancel out, in dB; no digital recording has a wider range."""


@dataclass(frozen=True, slots=True)
class Block:
    """A stretch of the signal, mixed to mono.

    Attributes:
        samples: float32 ``[samples]``, the mean of the channels, full scale at ±1.
        sample_rate_hz: Rate of the samples; it may change from block to block.
        energy: Sum of the squares of ``samples``.
        channel_energy: Sum of the squares of all channels' samples, divided by the number of channels.
    """

    samples: Samples
    sample_rate_hz: int
    energy: float
    channel_energy: float

    def without_first(self, count: int) -> Block:
        """The block without its first samples; it keeps as large a share of the channels' energy."""
        kept = self.samples[count:]
        share = len(kept) / len(self.samples) if len(self.samples) else 0.0
        return Block(kept, self.sample_rate_hz, _energy(kept), self.channel_energy * share)


class DownmixLevel:
    """Adds up blocks, so that the level, and what of it the mix loses, is known at the end."""

    def __init__(self) -> None:
        self._mixed = 0.0
        self._channels = 0.0
        self._seconds = 0.0

    def add(self, block: Block) -> None:
        """Count a block, weighted by its length in time."""
        self._mixed += block.energy / block.sample_rate_hz
        self._channels += block.channel_energy / block.sample_rate_hz
        self._seconds += len(block.samples) / block.sample_rate_hz

    @property
    def level_db(self) -> float | None:
        """RMS level of the channels before the mix, in dB of full scale; :data:`LOWEST_LEVEL_DB` at least.

        A sine wave as loud as can be has -3 dB. To a hundredth of a dB. None if all is silent.
        """
        if self._channels <= 0:
            return None
        return max(round(10 * math.log10(self._channels / self._seconds), 2), LOWEST_LEVEL_DB)

    @property
    def loss_db(self) -> float | None:
        """RMS level of the channels over that of their mean, in dB, from 0 to :data:`MOST_LOSS_DB`.

        The power of a mean is never above the mean of the powers: 0 dB for mono or equal channels, 3 dB for
        two unrelated ones of one level, ``MOST_LOSS_DB`` where they cancel out. To a hundredth of a dB. None
        if all is silent.
        """
        if self._channels <= 0:
            return None
        if self._mixed <= 0:
            return MOST_LOSS_DB
        return min(max(round(10 * math.log10(self._channels / self._mixed), 2), 0.0), MOST_LOSS_DB)


def mix(
    channels: Sequence[np.ndarray] | np.ndarray, sample_rate_hz: int, *, scale: float = 1.0, zero: int = 0
) -> Block:
    """Mix channels down to mono and measure both sides.

    Args:
        channels: Numbers of any type, ``[samples]`` each.
        sample_rate_hz: Their rate.
        scale: What a number is multiplied with so that full scale is ±1.
        zero: The number that means silence.
    """
    with np.errstate(over="ignore", invalid="ignore"):  # the reader looks for infinities itself
        mono = _mean(channels)
        if zero:
            mono -= zero
        if scale != 1.0:
            mono *= np.float32(scale)
        energy = _energy(mono)
        if len(channels) == 1:
            return Block(mono, sample_rate_hz, energy, energy)
        of_channels = _energy_of_all(channels, zero) * scale**2 / len(channels)
    return Block(mono, sample_rate_hz, energy, of_channels)


def _mean(channels: Sequence[np.ndarray] | np.ndarray) -> Samples:
    """Mean of channels of any number type: float32 ``[samples]``.

    Channels are added one by one, which is several times faster than ``mean(axis=0)`` and gives the same bits
    for two channels.
    """
    if len(channels) == 1:
        return channels[0].astype(np.float32)
    mono: Samples = np.add(channels[0], channels[1], dtype=np.float32)
    for channel in channels[2:]:
        mono += channel.astype(np.float32, copy=False)
    mono *= np.float32(1 / len(channels))  # a division makes the mix take half as long again
    return mono


def _energy_of_all(channels: Sequence[np.ndarray] | np.ndarray, zero: int) -> float:
    """Sum of squares over all channels; interleaved ones are read in one go, as they lie in memory."""
    if isinstance(channels, np.ndarray) and channels.T.flags.c_contiguous:
        channels = [channels.T.reshape(-1)]
    return sum(_energy(channel if not zero else channel.astype(np.float32) - zero) for channel in channels)


def _energy(numbers: np.ndarray) -> float:
    numbers = numbers.astype(np.float32, copy=False)
    return float(np.dot(numbers, numbers))
