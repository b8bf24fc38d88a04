"""What is ordered of each split: how many clips, from which fonts, with how many instruments."""

from __future__ import annotations

from collections.abc import Iterator

from examples.instruments.clips import ClipOrder
from examples.instruments.sound.soundfonts import FLUID, FREEPATS, MUSESCORE, TIMGM, Soundfont
from tonearm.learning.labelled.track import Split

TRAINING_SHARES = {FLUID: 0.4, TIMGM: 0.3, MUSESCORE: 0.3}
"""Which part of the training clips each font plays."""

_POLYPHONIES = (1, 2, 3, 4)
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
            for order in _mixed(Split.TRAIN, font, round(train * share))
        ),
        *(
            order
            for font in TRAINING_SHARES
            for order in _mixed(Split.VALIDATION, font, validation // len(TRAINING_SHARES))
        ),
        *(order for font in (*TRAINING_SHARES, FREEPATS) for order in _tests(font, test)),
    ]


def _mixed(split: Split, font: Soundfont, clips: int) -> Iterator[ClipOrder]:
    """Each polyphony in turn, drums in a third of each."""
    for number in range(clips):
        polyphony = _POLYPHONIES[number % len(_POLYPHONIES)]
        with_drums = number // len(_POLYPHONIES) % _DRUMS_EVERY == 0
        yield ClipOrder(split, number, font, polyphony, with_drums)


def _tests(font: Soundfont, clips: int) -> Iterator[ClipOrder]:
    yield from _mixed(Split.TEST, font, clips)
    for number in range(clips // 2):
        yield ClipOrder(Split.TEST, number, font, polyphony=1, with_drums=False, solo=True)
