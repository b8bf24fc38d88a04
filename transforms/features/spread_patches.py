"""Patches that are spread evenly over a track whose length is not known before its end."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from tonearm.models.front_end import FrontEnd
from tonearm.transforms.features.prepared import Patches, Spectrogram

Places = npt.NDArray[np.intp]

_CANDIDATES_A_PATCH = 4
"""Patches that are kept for each one wanted: so the one picked lies no further from the wanted place than a
quarter of the distance between two wanted ones."""

_MOST_CANDIDATES = 1024
"""The most patches that are kept, 74 MB of musicnn's. Where more than 256 are wanted, fewer than four are
kept for each; where more than 512 are, a long track may give only half as many as wanted."""


class SpreadPatches:
    """Takes the patches of a track one after the other and picks some in the end, in bounded memory.

    The candidates are every ``stride``-th patch. When their store is full, every second one is dropped and
    from then on only every ``2 * stride``-th is kept. In the end the track is divided in as many equal parts
    as patches are wanted, and of each the candidate nearest to its middle is picked.

    Attributes:
        seen: Patches that went by.
    """

    def __init__(self, front_end: FrontEnd, max_patches: int) -> None:
        """Begin a track.

        Args:
            front_end: Says the size of a patch.
            max_patches: How many to pick from a track that has more; even.

        Raises:
            ValueError: If the number is odd or below 2.
        """
        if max_patches < 2 or max_patches % 2:
            raise ValueError(f"max_patches must be even and at least 2, not {max_patches}")
        self._front_end = front_end
        self._max_patches = max_patches
        candidates = max(max_patches, min(_CANDIDATES_A_PATCH * max_patches, _MOST_CANDIDATES))
        self._store = np.empty((candidates, front_end.patch_frames, front_end.mel_bands), np.float32)
        self._count = 0
        self._stride = 1
        self.seen = 0

    def wanted_among(self, count: int) -> range:
        """Places of the candidates among the next ``count`` patches."""
        return range(-self.seen % self._stride, count, self._stride)

    def skip(self, count: int) -> None:
        """Let patches go by that :meth:`wanted_among` did not ask for."""
        self.seen += count

    def add(self, patches: Patches) -> None:
        """Take the next patches: store those that :meth:`wanted_among` asks for, and let the others go by."""
        for patch in patches:
            if self.seen % self._stride == 0:
                if self._count == len(self._store):
                    self._thin()  # as the store's size is even, this patch is wanted at the new stride too
                self._store[self._count] = patch
                self._count += 1
            self.seen += 1

    def _thin(self) -> None:
        half = self._count // 2
        for index in range(1, half):
            self._store[index] = self._store[2 * index]
        self._count = half
        self._stride *= 2

    def spectrogram(self, duration_s: float, *, silent: bool) -> Spectrogram:
        """Pick the patches; ends the track.

        Args:
            duration_s: Length of the track, in seconds.
            silent: True if it is silent.
        """
        patches, places = self.picked()
        return Spectrogram(
            patches=patches,
            starts_s=places.astype(np.float64) * self._front_end.patch_seconds,
            analyzed_s=min(self._covered_s(places), duration_s),
            silent=silent,
            fingerprint=self._front_end.fingerprint,
        )

    def picked(self) -> tuple[Patches, Places]:
        """The patches, and which of all that went by they are, from 0; ends the track."""
        nearest = self._nearest()
        are_all = len(nearest) == self._count
        return self._store[: self._count] if are_all else self._store[nearest], nearest * self._stride

    def _nearest(self) -> Places:
        """Which of the candidates lie nearest to the middles of the track's parts; all if they are few.

        A part is longer than the distance between candidates, so none is picked twice.
        """
        if self._count <= self._max_patches:
            return np.arange(self._count)
        part = self.seen / self._max_patches
        middles = (np.arange(self._max_patches) + 0.5) * part - 0.5
        return np.floor(middles / self._stride + 0.5).astype(np.intp)

    def _covered_s(self, places: Places) -> float:
        """Seconds that patches at these places cover, where they overlap once."""
        front_end = self._front_end
        steps = np.minimum(np.diff(places) * front_end.patch_hop_frames, front_end.patch_frames)
        frames = int(steps.sum()) + front_end.patch_frames
        return frames * front_end.hop_length / front_end.sample_rate_hz


def covered_s(starts_s: npt.NDArray[np.float64], front_end: FrontEnd) -> float:
    """Seconds that patches cover which begin at these seconds, where they overlap once."""
    patch_s = front_end.patch_frames * front_end.hop_length / front_end.sample_rate_hz
    return float(np.minimum(np.diff(starts_s), patch_s).sum()) + patch_s
