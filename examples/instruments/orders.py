"""What is ordered of each split: how many clips, from which fonts, with how many instruments."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from examples.instruments.clips import ClipOrder
from examples.instruments.sound.soundfonts import FLUID, FREEPATS, MUSESCORE, OPL3, TIMGM, Soundfont
from tonearm.learning.labelled.track import Split

TRAINING_SHARES = {FLUID: 0.35, TIMGM: 0.30, MUSESCORE: 0.25, OPL3: 0.10}
"""Which part of the training clips each font plays. OPL3's is small: FM is a caricature."""
TRAINED_FONTS = (FLUID, TIMGM, MUSESCORE)
"""Those whose families a tagger is asked to know, in tests."""

_EVEN = (1, 2, 3, 4)
_FOR_TRAINING = (1, 2, 1, 3, 2, 4, 1, 2, 3, 4)
"""Fewer instruments more often: they are heard best alone, and training adds clips to each other anyway."""
_DRUMS_EVERY = 3


def orders_of(train: int, validation: int, test: int) -> list[ClipOrder]:
    """All clips, those of a font and a split together.

    Args:
        train: Clips to train on.
        validation: Clips to choose by.
        test: Arrangements that each font of the tests plays, half as many solos beside them.
    """
    return [
        *(
            order
            for font, share in TRAINING_SHARES.items()
            for order in _mixed(Split.TRAIN, font, round(train * share), _FOR_TRAINING)
        ),
        *(
            order
            for font in TRAINED_FONTS
            for order in _mixed(Split.VALIDATION, font, validation // len(TRAINED_FONTS))
        ),
        *(order for font in (*TRAINED_FONTS, FREEPATS) for order in _tests(font, test)),
    ]


def _mixed(
    split: Split, font: Soundfont, clips: int, polyphonies: Sequence[int] = _EVEN
) -> Iterator[ClipOrder]:
    """Each polyphony in turn, drums in a third of each."""
    for number in range(clips):
        polyphony = polyphonies[number % len(polyphonies)]
        with_drums = number // len(polyphonies) % _DRUMS_EVERY == 0
        yield ClipOrder(split, number, font, polyphony, with_drums)


def _tests(font: Soundfont, clips: int) -> Iterator[ClipOrder]:
    yield from _mixed(Split.TEST, font, clips)
    for number in range(clips // 2):
        yield ClipOrder(Split.TEST, number, font, polyphony=1, with_drums=False, solo=True)
