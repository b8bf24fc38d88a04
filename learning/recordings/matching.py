"""The search for the same recording among many: near linear, as only what has equal codes is compared.

All anchors of all fingerprints are sorted by their code. Equal codes of two recordings are a vote for the
pair and for how far the one begins behind the other. Pairs with votes for one offset are compared bit by bit
there. So a catalog is never compared pair by pair, and a chance vote costs some milliseconds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from tonearm.learning.recordings.fingerprint import Bits, Fingerprint

_NEIGHBOURS = 8
"""Of a code that many recordings have, each is paired with so many next ones: a chain of copies is found all
the same, and a code of noise does not make n² pairs."""

_OFFSET_STEP = 8
"""Offsets are counted in steps of so many frames: an encoder's delay blurs where a code begins."""

_FEWEST_VOTES = 2

_OFFSETS_TRIED = 3
"""Offsets of a pair that are compared; music that repeats itself has votes for several."""

_MOST_OFFSETS = 1 << 14
"""A stretch has fewer frames than that; it keeps offsets apart in the keys of votes."""

_SMALLEST_OVERLAP = 0.5
"""Of the shorter fingerprint, so much must lie within the other one."""

_FEWEST_STRONG_BITS = 1_000
"""Bits that are strong in both; some two seconds of music have them."""

_MOST_TURNED = 0.03
"""Share of the bits strong in both whose signs differ, at most.

Measured with 46 pieces of real music in nine encodings, down to Opus at 24 and MP3 at 32 kbit/s: median .003,
with two exceptions below .026. Without its lead guitar a song has .027 or more, another soundfont that plays
the same notes at the same moments .09 or more.
"""

_MOST_TURNED_IN_A_BLOCK = 0.1
"""The same within blocks of :data:`_BLOCK_FRAMES`, nine in ten of them: an instrument that is missing turns
the bits of where it plays, and codecs turn a few everywhere."""

_BLOCK_FRAMES = 188
_QUANTILE_OF_BLOCKS = 0.9

Pairs = npt.NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Comparison:
    """How alike two fingerprints are at an offset.

    Attributes:
        turned: Share of the bits strong in both whose signs differ.
        turned_in_blocks: The same of the worst blocks but a tenth.
        strong_bits: How many bits are strong in both.
    """

    turned: float
    turned_in_blocks: float
    strong_bits: int

    @property
    def is_same_recording(self) -> bool:
        """True if no more differs than codecs make differ."""
        return (
            self.strong_bits >= _FEWEST_STRONG_BITS
            and self.turned <= _MOST_TURNED
            and self.turned_in_blocks <= _MOST_TURNED_IN_A_BLOCK
        )


def same_recordings(fingerprints: Sequence[Fingerprint]) -> list[list[int]]:
    """Groups of fingerprints of the same recording.

    Args:
        fingerprints: Of all recordings.

    Returns:
        The places of each group's members, sorted; recordings that are there once are in none.
    """
    leader = list(range(len(fingerprints)))
    for first, second, offset in _candidates(fingerprints):
        if _led_by(leader, first) != _led_by(leader, second) and _is_same(
            fingerprints[first], fingerprints[second], offset
        ):
            leader[_led_by(leader, second)] = _led_by(leader, first)
    groups: dict[int, list[int]] = {}
    for place in range(len(leader)):
        groups.setdefault(_led_by(leader, place), []).append(place)
    return [group for group in groups.values() if len(group) > 1]


def _led_by(leader: list[int], place: int) -> int:
    """The one that stands for a place's group; ways to it are shortened."""
    while leader[place] != place:
        leader[place] = leader[leader[place]]
        place = leader[place]
    return place


def _candidates(fingerprints: Sequence[Fingerprint]) -> Iterator[tuple[int, int, int]]:
    """Pairs with an offset that is worth comparing, the most voted for first."""
    votes = _votes(fingerprints)
    keys, counts = np.unique(votes, return_counts=True)
    enough = counts >= _FEWEST_VOTES
    keys, counts = keys[enough], counts[enough]
    tried: dict[tuple[int, int], int] = {}
    for key in keys[np.argsort(-counts, kind="stable")].tolist():
        pair, step = divmod(key, _MOST_OFFSETS)
        first, second = divmod(pair, len(fingerprints))
        tried[first, second] = tried.get((first, second), 0) + 1
        if tried[first, second] <= _OFFSETS_TRIED:
            yield first, second, (step - _MOST_OFFSETS // 2) * (_OFFSET_STEP // 2)


def _votes(fingerprints: Sequence[Fingerprint]) -> Pairs:
    """A key of the two places and the offset's step for each equal code, in two steps that overlap."""
    if not fingerprints:
        return np.empty(0, np.int64)
    counts = [len(fingerprint.anchors) for fingerprint in fingerprints]
    codes = np.concatenate([fingerprint.anchors for fingerprint in fingerprints])
    order = np.argsort(codes, kind="stable")
    codes = codes[order]
    places = np.repeat(np.arange(len(fingerprints), dtype=np.int32), counts)[order]
    frames = np.concatenate([fingerprint.anchor_frames for fingerprint in fingerprints])[order]
    frames = frames.astype(np.int32)
    found = []
    for distance in range(1, _NEIGHBOURS + 1):
        equal = (codes[distance:] == codes[:-distance]) & (places[distance:] != places[:-distance])
        (before,) = np.nonzero(equal)
        pairs = places[before].astype(np.int64) * len(fingerprints) + places[before + distance]
        offsets = frames[before + distance] - frames[before]
        step = offsets // (_OFFSET_STEP // 2) + _MOST_OFFSETS // 2
        found += [pairs * _MOST_OFFSETS + step, pairs * _MOST_OFFSETS + step - 1]
    return np.concatenate(found)


def _is_same(first: Fingerprint, second: Fingerprint, offset: int) -> bool:
    """Compare at an offset's step, frame by frame."""
    bits, other_bits = first.bits(), second.bits()
    return any(
        compared.is_same_recording
        for shift in range(offset, offset + _OFFSET_STEP)
        if (compared := compare(bits, other_bits, shift)) is not None
    )


def compare(bits: tuple[Bits, Bits], other_bits: tuple[Bits, Bits], offset: int) -> Comparison | None:
    """Compare where frame 0 of the first is frame ``offset`` of the other.

    Returns:
        None if too little of them lies side by side.
    """
    begin, other_begin = max(0, -offset), max(0, offset)
    frames = min(len(bits[0]) - begin, len(other_bits[0]) - other_begin)
    if frames < _SMALLEST_OVERLAP * min(len(bits[0]), len(other_bits[0])):
        return None
    grown, strong = (each[begin : begin + frames] for each in bits)
    other_grown, other_strong = (each[other_begin : other_begin + frames] for each in other_bits)
    both = strong & other_strong
    turned = (grown != other_grown) & both
    starts = np.arange(0, frames, _BLOCK_FRAMES)
    in_blocks = np.add.reduceat(both.sum(axis=1), starts)
    turned_in_blocks = np.add.reduceat(turned.sum(axis=1), starts)
    enough = in_blocks >= _FEWEST_STRONG_BITS // 4
    if not enough.any():
        return None
    shares = turned_in_blocks[enough] / in_blocks[enough]
    return Comparison(
        turned=float(turned.sum() / both.sum()),
        turned_in_blocks=float(np.quantile(shares, _QUANTILE_OF_BLOCKS)),
        strong_bits=int(both.sum()),
    )
