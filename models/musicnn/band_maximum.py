"""The front filters' maximum over all bands, arranged so that an engine multiplies less."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from tonearm.models.musicnn.filter_inputs import FilterInputs
from tonearm.models.musicnn.network import pad_same
from tonearm.models.musicnn.rounding import Smoothness, round_to_bfloat16

_NEVER = -1e30
"""Loses against every response; infinity would turn into NaN where an engine multiplies it by 0."""

_SMOOTHNESS = Smoothness(frames=0.8, bands=0.8)
"""Of a log-mel spectrogram less its level, roughly: scores move as little with 0.7 or 0.9."""

_SMOOTHNESS_OF_DIFFERENCES = Smoothness(frames=0.9, bands=-0.2)
_SMOOTHNESS_OF_RISES = Smoothness(frames=-0.3, bands=0)
"""The rise from one frame to the next is often undone in the next pair; scores move as little with 0."""


class BandMaximum(nn.Module):
    """Convolution and maximum over the bands, computed as they are defined.

    Args:
        kernels: float64 ``[channels, 1, frames, bands]``.
        rounded: Whether the engine multiplies elsewhere in bfloat16; see :func:`_maximum_over_bands`.
    """

    kernels: Tensor

    def __init__(self, kernels: Tensor, *, rounded: bool) -> None:
        super().__init__()
        self.rounded = rounded
        self.register_buffer("kernels", kernels.float())

    def forward(self, inputs: FilterInputs) -> Tensor:
        """Map the inputs to ``[batch, channels, frames]``."""
        padded = pad_same(inputs.spectrogram, self.kernels.shape[2])
        return _maximum_over_bands(functional.conv2d(padded, self.kernels), rounded=self.rounded)


class BandMaximumByBandPairs(nn.Module):
    """The same for filters of many bands, with three multiplications in place of four.

    This is Winograd's F(2, 2) on halves of a filter. Even and odd bands of the spectrogram are ``a`` and
    ``b``, those of a filter ``v`` and ``w``. A filter's response at an even place and at the odd one behind
    it share a term, which need not be compared::

        even = a*v + b*w  = (a - b)*v  + b*(v + w)
        odd  = b*v + a'*w = (a' - b)*w + b*(v + w)              a' = a, one place on
        max(even, odd)    = max((a - b)*v, (a' - b)*w) + b*(v + w)

    All bands are taken less the level of their frame. What the filter makes of the level is the same at every
    place, and is added behind the maximum, where there is little to do. So the numbers are small, and can be
    rounded to 16 bits with less harm. Neighbouring bands being alike, ``a - b`` is smaller still. What
    rounding takes from ``b`` harms most: ``a - b`` gets it and a part more, ``b`` a frame later gets a part
    (:func:`filter_inputs`).

    Another level of halving saves no time: the rows get too short for the convolutions.

    Args:
        kernels: float64 ``[channels, 1, frames, bands]``, of an odd number of frames.
        input_bands: Bands of the spectrogram; even.
        rounded: Whether the engine multiplies in bfloat16; the kernels are rounded here.
    """

    even: Tensor
    odd: Tensor
    both: Tensor
    of_level: Tensor
    barred: Tensor

    def __init__(self, kernels: Tensor, input_bands: int, *, rounded: bool) -> None:
        super().__init__()
        self.rounded = rounded
        places = input_bands - kernels.shape[3] + 1
        padded = functional.pad(kernels, (0, kernels.shape[3] % 2))
        even, odd = padded[..., 0::2].contiguous(), padded[..., 1::2].contiguous()
        both = even + odd
        of_level = functional.pad(both.sum(dim=3), (0, 1))  # an even number of frames, as the level expects
        self.register_buffer("of_level", of_level.float())
        if rounded:
            even, odd = (round_to_bfloat16(half, _SMOOTHNESS_OF_DIFFERENCES) for half in (even, odd))
            both = round_to_bfloat16(both, _SMOOTHNESS)
        for name, tensor in [("even", even), ("odd", odd), ("both", both)]:
            self.register_buffer(name, tensor.float())
        barred = torch.zeros(input_bands // 2 - even.shape[3] + 1)
        barred[places // 2 :] = _NEVER  # an odd number of places leaves the last one without a partner
        self.register_buffer("barred", barred)

    def forward(self, inputs: FilterInputs) -> Tensor:
        """Map the inputs to ``[batch, channels, frames]``."""
        padding = (self.even.shape[2] // 2, 0)
        even = functional.conv2d(inputs.rise, self.even, padding=padding)
        odd = functional.conv2d(inputs.fall, self.odd, padding=padding)
        if self.rounded:
            even, odd = _unrounded(even), _unrounded(odd)
        responses = torch.maximum(even, odd + self.barred)
        responses = responses + functional.conv2d(inputs.odd, self.both, padding=padding)
        if self.rounded:
            responses = _unrounded(responses)
        of_level = functional.conv1d(inputs.level, self.of_level, padding=padding[0])
        return _maximum_over_bands(responses, rounded=self.rounded) + of_level


class BandMaximumByFramePairs(nn.Module):
    """The same for long filters of one band, in bfloat16.

    In bfloat16 a processor multiplies pairs, and filters of one band and one channel have none: they would be
    slower than in float32. So each frame ``a`` makes a pair with the next one, ``b``, and filters step over
    every second pair. Their weights ``v`` and ``w`` for the two become::

        a*v + b*w = a*(v + w) + (b - a)*w

    Where ``a`` is rounded, ``b - a`` is told from what became of it, and gets what rounding took besides: a
    filter that weighs both frames alike hears nothing of the error. Bands are taken less the level of their
    frame, as in :class:`BandMaximumByBandPairs`.

    Args:
        kernels: float64 ``[channels, 1, frames, 1]``, of an even number of frames.
    """

    pairs: Tensor
    of_level: Tensor

    def __init__(self, kernels: Tensor) -> None:
        super().__init__()
        first, second = kernels[:, :, 0::2], kernels[:, :, 1::2]
        both = round_to_bfloat16(first + second, _SMOOTHNESS)
        rise = round_to_bfloat16(second, _SMOOTHNESS_OF_RISES)
        self.register_buffer("pairs", torch.cat([both, rise], dim=1))
        self.register_buffer("of_level", kernels[..., 0].float())

    def forward(self, inputs: FilterInputs) -> Tensor:
        """Map the inputs to ``[batch, channels, frames]``."""
        assert inputs.pairs is not None
        # As by ``pad_same``, one pair less stands before a frame than begins with it.
        pairs = self.pairs.shape[2]
        responses = functional.conv2d(inputs.pairs, self.pairs, padding=(pairs - 2, 0), dilation=(2, 1))
        of_level = functional.conv1d(inputs.level, self.of_level, padding=pairs - 1)
        return _maximum_over_bands(_unrounded(responses), rounded=True) + of_level


def _unrounded(responses: Tensor) -> Tensor:
    """The same values: a limit that nothing reaches.

    OpenVINO makes it part of the convolution before it; as it is marked precise, a convolution in bfloat16
    then puts out its float32 sums, unrounded.
    """
    return responses.clamp(_NEVER, -_NEVER)


def _maximum_over_bands(responses: Tensor, *, rounded: bool) -> Tensor:
    """The maximum over the last axis.

    In OpenVINO pooling is twice as fast as a reduction; but its bfloat16 runs round what pooling layers put
    out, and ignore the mark (``openvino_graph``) that keeps other layers precise.
    """
    if rounded:
        return responses.amax(dim=3)
    return functional.max_pool2d(responses, (1, responses.shape[3])).squeeze(3)
