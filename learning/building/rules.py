"""The rules of a build: what is asked of a data set besides its tracks; all of them stand in it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from tonearm.transforms.elements.decoder_choice import DecoderChoice
from tonearm.transforms.elements.settings import MAX_TRACK_BYTES

PATCHES_PER_TRACK = 16
"""Of longer tracks so many patches are kept: 48 s of the embedded tagger's, 1.1 MB."""

MIN_POSITIVES = 1

SPLIT_FRACTION = 0.1
"""Of groups without a split, for validation and for the test each."""


@dataclass(frozen=True, slots=True)
class BuildRules:
    """What is asked of a data set.

    Attributes:
        labels: Labels that are wanted, and beginnings of labels that end in ``*``; empty for all.
        min_positives: Training tracks that a label holds for at least.
        validation: Which part of the groups without a split is for validation.
        test: Which part of them is for the test.
        seed: Decides which they are.
        patches_per_track: Patches that are kept of a track at most, evenly spread over it.
        decoder: Which libraries decode.
        max_track_bytes: Larger objects fail and are not read.
    """

    labels: tuple[str, ...] = ()
    min_positives: int = MIN_POSITIVES
    validation: float = SPLIT_FRACTION
    test: float = SPLIT_FRACTION
    seed: int = 0
    patches_per_track: int = PATCHES_PER_TRACK
    decoder: DecoderChoice = DecoderChoice.FFMPEG_AND_LIBSNDFILE
    max_track_bytes: int = MAX_TRACK_BYTES

    @property
    def told(self) -> dict[str, Any]:
        """The rules as a data set's description has them."""
        return {**asdict(self), "labels": list(self.labels), "decoder": str(self.decoder)}


def evenly_spread(count: int, wanted: int) -> list[int]:
    """Which of ``count`` patches are kept: of as many equal parts as are wanted, the middle one of each.

    Example:
        >>> evenly_spread(9, 3), evenly_spread(2, 3)
        ([1, 4, 7], [0, 1])
    """
    if count <= wanted:
        return list(range(count))
    return [(2 * part + 1) * count // (2 * wanted) for part in range(wanted)]
