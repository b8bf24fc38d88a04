"""The front filters' strongest response over all bands, arranged so that an engine multiplies less."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from models.engine_rounding import round_to_bfloat16

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


class StrongestByPairs(nn.Module):
    """The same for filters of many bands, with three multiplications in place of four.

    This is Winograd's F(2, 2) on halves of a filter. Even and odd bands of the spectrogram are ``a`` and
    ``b``, those of a filter ``v`` and ``w``. A filter's response at an even place and at the odd one behind
    it share a term, which need not be compared::

        even = a*v + b*w  = (a - b)*v  + b*(v + w)
        odd  = b*v + a'*w = (a' - b)*w + b*(v + w)              a' = a, one place on
        max(even, odd)    = max((a - b)*v, (a' - b)*w) + b*(v + w)

    Neighbouring bands are alike, so the differences are small and round well. Another level of halving
    saves no time: the rows get too short for the convolutions.

    Args:
        kernels: float64 ``[channels, 1, frames, bands]``.
        input_bands: Bands of the spectrogram.
        rounded: Whether to round the kernels to bfloat16, for an engine that multiplies so.
    """

    even: Tensor
    odd: Tensor
    both: Tensor
    barred: Tensor

    def __init__(self, kernels: Tensor, input_bands: int, *, rounded: bool) -> None:
        super().__init__()
        self.rounded = rounded
        places = input_bands - kernels.shape[3] + 1
        halves = functional.pad(kernels, (0, kernels.shape[3] % 2))
        self.pairs = -(-places // 2)
        self.reach = self.pairs + halves.shape[3] // 2 - 1  # bands of each half that the filters touch
        self.missing_bands = max(0, 2 * self.reach + 1 - input_bands)
        even, odd = halves[..., 0::2].contiguous(), halves[..., 1::2].contiguous()
        for name, tensor in [("even", even), ("odd", odd), ("both", even + odd)]:
            self.register_buffer(name, round_to_bfloat16(tensor.float()) if rounded else tensor.float())
        barred = torch.zeros(self.pairs)
        barred[places // 2 :] = _NEVER  # an odd number of places leaves the last one without a partner
        self.register_buffer("barred", barred)

    def forward(self, padded: Tensor) -> Tensor:
        """Map ``[batch, 1, padded frames, bands]`` to ``[batch, channels, frames]``."""
        padded = functional.pad(padded, (0, self.missing_bands))
        end = 2 * self.reach
        a, b, a_next = padded[..., 0:end:2], padded[..., 1:end:2], padded[..., 2 : end + 1 : 2]
        even = functional.conv2d(a - b, self.even)
        odd = functional.conv2d(a_next - b, self.odd) + self.barred
        responses = torch.maximum(even, odd) + functional.conv2d(b, self.both)
        return _maximum_over_bands(responses, rounded=self.rounded)


def _maximum_over_bands(responses: Tensor, *, rounded: bool) -> Tensor:
    """The maximum over the last axis.

    In OpenVINO pooling is twice as fast as a reduction; but its bfloat16 runs round what pooling layers put
    out, and ignore the mark (``engine_openvino``) that keeps other layers precise.
    """
    if rounded:
        return responses.amax(dim=3)
    return functional.max_pool2d(responses, (1, responses.shape[3])).squeeze(3)
