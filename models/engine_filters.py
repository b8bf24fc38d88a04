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

    A pooling layer takes the maximum: OpenVINO's reduction is slower by half.

    Args:
        kernels: ``[channels, 1, frames, bands]``.
    """

    kernels: Tensor

    def __init__(self, kernels: Tensor) -> None:
        super().__init__()
        self.register_buffer("kernels", kernels)

    def forward(self, padded: Tensor) -> Tensor:
        """Map ``[batch, 1, padded frames, bands]`` to ``[batch, channels, frames]``."""
        return _maximum_over_bands(functional.conv2d(padded, self.kernels))


class StrongestByPairs(nn.Module):
    """The same for filters of many bands, with three multiplications in place of four.

    This is Winograd's F(2, 2) on halves of a filter. Even and odd bands of the spectrogram are ``a`` and
    ``b``, those of a filter ``v`` and ``w``. A filter's response at an even place and at the odd one behind
    it share a term, which need not be compared::

        even = a*v + b*w  = (a - b)*v  + b*(v + w)
        odd  = b*v + a'*w = (a' - b)*w + b*(v + w)              a' = a, one place on
        max(even, odd)    = max((a - b)*v, (a' - b)*w) + b*(v + w)

    The mean of a frame is taken out first and its response added at the end, where it costs next to nothing:
    what is left is small, and so are the errors when an engine rounds it to bfloat16.

    Args:
        kernels: ``[channels, 1, frames, bands]``.
        input_bands: Bands of the spectrogram.
        rounded: Whether to round the kernels to bfloat16, so that they suffer least from it.
    """

    even: Tensor
    odd: Tensor
    both: Tensor
    sums: Tensor
    barred: Tensor

    def __init__(self, kernels: Tensor, input_bands: int, *, rounded: bool) -> None:
        super().__init__()
        places = input_bands - kernels.shape[3] + 1
        halves = functional.pad(kernels, (0, kernels.shape[3] % 2))
        self.pairs = -(-places // 2)
        self.reach = self.pairs + halves.shape[3] // 2 - 1  # bands of each half that the filters touch
        self.missing_bands = max(0, 2 * self.reach + 1 - input_bands)
        even, odd = halves[..., 0::2].contiguous(), halves[..., 1::2].contiguous()
        for name, tensor in [("even", even), ("odd", odd), ("both", even + odd)]:
            self.register_buffer(name, round_to_bfloat16(tensor) if rounded else tensor)
        self.register_buffer("sums", kernels.sum(dim=3))
        barred = torch.zeros(self.pairs)
        barred[places // 2 :] = _NEVER  # an odd number of places leaves the last one without a partner
        self.register_buffer("barred", barred)

    def forward(self, padded: Tensor) -> Tensor:
        """Map ``[batch, 1, padded frames, bands]`` to ``[batch, channels, frames]``."""
        level = padded.mean(dim=3)
        shape = functional.pad(padded - level.unsqueeze(3), (0, self.missing_bands))
        end = 2 * self.reach
        a, b, a_next = shape[..., 0:end:2], shape[..., 1:end:2], shape[..., 2 : end + 1 : 2]
        even = functional.conv2d(a - b, self.even)
        odd = functional.conv2d(a_next - b, self.odd) + self.barred
        strongest = (torch.maximum(even, odd) + functional.conv2d(b, self.both)).amax(dim=3)
        return strongest + functional.conv1d(level, self.sums)


def _maximum_over_bands(responses: Tensor) -> Tensor:
    return functional.max_pool2d(responses, (1, responses.shape[3])).squeeze(3)
