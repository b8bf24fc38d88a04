"""From samples to patches: the log-mel spectrogram, patch by patch."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from tonearm.models.front_end import FrontEnd
from tonearm.transforms.audio.decoders.downmix import Samples
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Stage, TrackError
from tonearm.transforms.elements.settings import MAX_PATCHES
from tonearm.transforms.elements.stage_times import StageTimes
from tonearm.transforms.features.log_mel import log_mel
from tonearm.transforms.features.prepared import Patches, Spectrogram
from tonearm.transforms.features.spread_patches import SpreadPatches

PATCHES_AT_ONCE = 16
"""Patches that are transformed at once, of 48 s of samples, 3 MB.

Decoding in between empties the processor's cache: with half as many the transform takes an eighth longer,
with twice as many no less time.
"""

SHORTEST_TRACK_S = 0.25
"""A shorter track is a failure: it says nothing about music, and would fill one patch a dozen times over."""

SILENCE_PEAK = 10 ** (-80 / 20)
"""A track that never rises above -80 dB of full scale is silent."""


def spectrogram_of(
    signal: Iterable[Samples],
    front_end: FrontEnd,
    *,
    max_patches: int = MAX_PATCHES,
    times: StageTimes | None = None,
) -> Spectrogram:
    """Turn a signal into log-mel patches, in memory that does not grow with their number.

    Args:
        signal: Mono float32 samples at the front end's rate, in pieces of any size, in order.
        front_end: The settings.
        max_patches: Patches to pick, evenly spread, where the track has more; even.
        times: Where to add the time spent on ``decode`` (waiting for the signal) and ``mel``.

    Returns:
        The patches. The tail that fills no patch is dropped, and a track shorter than
        one patch is repeated until it fills one, as in musicnn 0.1.0.

    Raises:
        TrackError: ``too_short`` below :data:`SHORTEST_TRACK_S`.
    """
    times = times or StageTimes()
    builder = _PatchBuilder(front_end, max_patches)
    for samples in times.measure_each("decode", signal):
        with times.measure("mel"):
            builder.add(samples)
    with times.measure("mel"):
        return builder.finish()


class _PatchBuilder:
    """Collects samples until they fill patches, and transforms those that may be wanted.

    Frame ``f`` is centred on sample ``f * hop_length``, with zeros before the first sample and
    after the last. The buffered samples therefore begin with half a window of zeros::

        zeros |  frame 0  |
          |- n_fft/2 -|- n_fft/2 -|
                 |  frame 1  |
    """

    def __init__(self, front_end: FrontEnd, max_patches: int) -> None:
        self._front_end = front_end
        self._half_window = front_end.fft_length // 2
        self._patch_hop = front_end.patch_hop_frames * front_end.hop_length
        self._patch_span = (front_end.patch_frames - 1) * front_end.hop_length + front_end.fft_length
        self._kept = SpreadPatches(front_end, max_patches)
        overlap = max(0, self._patch_span - self._patch_hop)
        self._buffer = np.zeros(PATCHES_AT_ONCE * self._patch_hop + overlap, np.float32)
        self._buffered = self._half_window
        self._samples = 0
        self._peak = 0.0

    def add(self, samples: Samples) -> None:
        if not len(samples):
            return
        self._samples += len(samples)
        self._peak = max(self._peak, float(samples.max()), -float(samples.min()))
        self._append(samples)

    def finish(self) -> Spectrogram:
        duration_s = self._samples / self._front_end.sample_rate_hz
        if duration_s < SHORTEST_TRACK_S:
            raise TrackError(
                Stage.SPECTROGRAM,
                ErrorWord.TOO_SHORT,
                f"{duration_s:.3f} s of audio; at least {SHORTEST_TRACK_S} s are needed",
            )
        self._append(np.zeros(self._half_window, np.float32))
        self._take_whole_patches()
        if not self._kept.seen:
            self._kept.add(self._repeated_to_one_patch()[None])
        return self._kept.spectrogram(duration_s, silent=self._peak < SILENCE_PEAK)

    def _append(self, samples: Samples) -> None:
        while len(samples):
            begin = self._buffered
            end = min(begin + len(samples), len(self._buffer))
            self._buffer[begin:end] = samples[: end - begin]
            self._buffered, samples = end, samples[end - begin :]
            if end == len(self._buffer):
                self._take_whole_patches()

    def _take_whole_patches(self) -> None:
        buffered = self._buffer[: self._buffered]
        whole = max(0, (len(buffered) - self._patch_span) // self._patch_hop + 1)
        if whole:
            self._take(buffered, whole)
        rest = buffered[whole * self._patch_hop :]
        self._buffer[: len(rest)] = rest
        self._buffered = len(rest)

    def _take(self, samples: Samples, count: int) -> None:
        """Transform the kept ones among the next ``count`` patches."""
        wanted = self._kept.wanted_among(count)
        if len(wanted) == count:
            self._kept.add(self._contiguous_patches(samples, count))
            return
        position = 0
        for index in wanted:
            self._kept.skip(index - position)
            self._kept.add(self._contiguous_patches(samples[index * self._patch_hop :], 1))
            position = index + 1
        self._kept.skip(count - position)

    def _contiguous_patches(self, samples: Samples, count: int) -> Patches:
        span = (count - 1) * self._patch_hop + self._patch_span
        frames = log_mel(samples[:span], self._front_end)
        windows = np.lib.stride_tricks.sliding_window_view(frames, self._front_end.patch_frames, axis=0)
        return windows[:: self._front_end.patch_hop_frames].transpose(0, 2, 1)

    def _repeated_to_one_patch(self) -> Samples:
        frames = log_mel(self._buffer[: self._buffered], self._front_end)
        repeats = -(-self._front_end.patch_frames // len(frames))
        return np.tile(frames, (repeats, 1))[: self._front_end.patch_frames]
