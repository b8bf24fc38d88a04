"""The front filters' strongest response over all bands, arranged so that an engine multiplies less."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

_NEVER = -1e30
"""Loses against every response; infinity would turn into NaN where an engine multiplies it by 0."""


class Strongest(nn.Module):
    """Convolution and maximum over the bands, as they stand.

    Args:
        kernels: float64 ``[channels, 1, frames, bands]``.
        rounded: Whether the engine multiplies elsewhere in bfloat16; see :func:`_maximum_over_bands`.
    """

    kernels: Tensor

    def __init__(self, kernels: Tensor, *, rounded: bool) -> None:
        super().__init__()
        self.rounded = rounded
        self.register_buffer("kernels", kernels.float())

    def forward(self, padded: Tensor) -> Tensor:
        """Map ``[batch, 1, padded frames, bands]`` to ``[batch, channels, frames]``."""
        return _maximum_over_bands(functional.conv2d(padded, self.kernels), rounded=self.rounded)


class Halves(NamedTuple):
    """What filters in pairs hear of a spectrogram, each ``[batch, 1, frames, bands / 2]``.

    Attributes:
        rise: Even bands less the odd ones behind them.
        fall: Even bands less the odd ones before them; the last one lacks its even band.
        odd: Odd bands.
    """

    rise: Tensor
    fall: Tensor
    odd: Tensor


class Halve(nn.Module):
    """Splits a spectrogram with an even number of bands, once for all filters in pairs.

    Convolutions do it, with the padding that they have built in: they stay precise in OpenVINO's bfloat16
    runs, where differences, slices and padding layers do not (``engine_openvino``).
    """

    taps: Tensor

    def __init__(self) -> None:
        super().__init__()
        taps = torch.tensor([[0.0, 1.0, -1.0, 0.0], [0.0, 0.0, -1.0, 1.0], [0.0, 0.0, 1.0, 0.0]])
        self.register_buffer("taps", taps[:, None, None])

    def forward(self, spectrogram: Tensor) -> Halves:
        """Split ``[batch, 1, frames, bands]``."""
        rise, fall, odd = (
            functional.conv2d(spectrogram, self.taps[index : index + 1], stride=(1, 2), padding=(0, 1))
            for index in range(3)
        )
        return Halves(rise, fall, odd)


class StrongestByPairs(nn.Module):
    """The same for filters of many bands, with three multiplications in place of four.

    This is Winograd's F(2, 2) on halves of a filter. Even and odd bands of the spectrogram are ``a`` and
    ``b``, those of a filter ``v`` and ``w``. A filter's response at an even place and at the odd one behind
    it share a term, which need not be compared::

        even = a*v + b*w  = (a - b)*v  + b*(v + w)
        odd  = b*v + a'*w = (a' - b)*w + b*(v + w)              a' = a, one place on
        max(even, odd)    = max((a - b)*v, (a' - b)*w) + b*(v + w)

    Neighbouring bands are alike, so the differences are small and may be rounded to 16 bits; ``b`` and the
    kernel that it meets stay precise. Another level of halving saves no time: the rows get too short for the
    convolutions.

    Args:
        kernels: float64 ``[channels, 1, frames, bands]``.
        input_bands: Bands of the spectrogram; even.
        rounded: Whether to round the kernels that meet differences to bfloat16, for an engine that
            multiplies so what it can without loss of the kernel.
    """

    even: Tensor
    odd: Tensor
    both: Tensor
    barred: Tensor

    def __init__(self, kernels: Tensor, input_bands: int, *, rounded: bool) -> None:
        super().__init__()
        self.rounded = rounded
        places = input_bands - kernels.shape[3] + 1
        padded = functional.pad(kernels, (0, kernels.shape[3] % 2))
        even, odd = padded[..., 0::2].contiguous(), padded[..., 1::2].contiguous()
        for name, tensor in [("even", even), ("odd", odd)]:
            self.register_buffer(name, tensor.bfloat16().float() if rounded else tensor.float())
        self.register_buffer("both", (even + odd).float())
        barred = torch.zeros(input_bands // 2 - even.shape[3] + 1)
        barred[places // 2 :] = _NEVER  # an odd number of places leaves the last one without a partner
        self.register_buffer("barred", barred)
        self.padding = (kernels.shape[2] // 2, 0)

    def forward(self, heard: Halves) -> Tensor:
        """Map the halves of ``[batch, 1, frames, bands]`` to ``[batch, channels, frames]``."""
        even = functional.conv2d(heard.rise, self.even, padding=self.padding)
        odd = functional.conv2d(heard.fall, self.odd, padding=self.padding)
        if self.rounded:
            even, odd = _unrounded(even), _unrounded(odd)
        both = functional.conv2d(heard.odd, self.both, padding=self.padding)
        responses = torch.maximum(even, odd + self.barred) + both
        return _maximum_over_bands(responses, rounded=self.rounded)


def _unrounded(responses: Tensor) -> Tensor:
    """The same values: a limit that nothing reaches.

    OpenVINO makes it part of the convolution before it; as it is marked precise, a convolution in bfloat16
    then puts out its float32 sums, unrounded.
    """
    return responses.clamp(_NEVER, -_NEVER)


def _maximum_over_bands(responses: Tensor, *, rounded: bool) -> Tensor:
    """The maximum over the last axis.

    In OpenVINO pooling is twice as fast as a reduction; but its bfloat16 runs round what pooling layers put
    out, and ignore the mark (``engine_openvino``) that keeps other layers precise.
    """
    if rounded:
        return responses.amax(dim=3)
    return functional.max_pool2d(responses, (1, responses.shape[3])).squeeze(3)
