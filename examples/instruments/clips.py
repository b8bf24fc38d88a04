"""A clip for each order: drawn, played, written as a WAV file, and labelled for the manifest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path

import numpy as np
import numpy.typing as npt

from examples.instruments.music.arrangement import Arrangement
from examples.instruments.music.arranging import Programs, draw_arrangement
from examples.instruments.music.programs import INSTRUMENTS
from examples.instruments.music.scores import Piece
from examples.instruments.sound.fluidsynth_player import FluidPlayer
from examples.instruments.sound.soundfonts import FREEPATS, Soundfont
from examples.instruments.sound.timidity_player import patches_of, play_with_timidity
from tonearm.learning.labelled.labels import ALL, Labels
from tonearm.learning.labelled.track import LabelledTrack, Split

TRAINING_RATE_HZ = 24_000
"""A synthesizer's cost grows with its rate. At this one only what lies above 16 kHz is folded back below
8 kHz, where the front end listens, and soundfonts hold next to nothing there."""
TEST_RATE_HZ = 44_100
_LOUDEST, _SOFTEST = 1.0, 0.1
_SILENCE = 1e-4
_MOST_PARTS = 4

Player = Callable[[Arrangement], npt.NDArray[np.float32]]


@dataclass(frozen=True, slots=True)
class ClipOrder:
    """A clip to be rendered.

    Attributes:
        split: Which pieces it is drawn from.
        number: With the split, what it is drawn by: the same number gives the same arrangement in every font
            that has the same programs.
        font: What plays it.
        polyphony: How many instruments play at pitches.
        with_drums: Whether drums play along.
        solo: Whether it was ordered as a test of one instrument alone.
    """

    split: Split
    number: int
    font: Soundfont
    polyphony: int
    with_drums: bool
    solo: bool = False

    @property
    def part(self) -> dict[str, str]:
        """What figures are told apart by: columns of the manifest."""
        family = self.font.family if self.font is FREEPATS else "trained families"
        part = f"{family}, solos" if self.solo else family
        return {"part": part, "part_by_polyphony": part if self.solo else f"{part}, {self.polyphony}"}

    @property
    def track_id(self) -> str:
        """A name of its own, which is the file's too."""
        return f"{self.split}-{'solo-' if self.solo else ''}{self.font.name}-{self.number:05d}"


def render_clips(
    orders: Sequence[ClipOrder], pieces: Sequence[Piece], folder: Path, seed: int
) -> Iterator[LabelledTrack]:
    """Render clips as WAV files.

    Args:
        orders: Those of one font stand together.
        pieces: Of all splits.
        folder: Where the files go; made if it is missing.
        seed: Decides all that is random.

    Yields:
        What the labelled manifest says of each.
    """
    import soundfile

    folder.mkdir(parents=True, exist_ok=True)
    for (font, split), some in groupby(orders, key=lambda order: (order.font, order.split)):
        rate_hz = TRAINING_RATE_HZ if split is Split.TRAIN else TEST_RATE_HZ
        known = [piece for piece in pieces if piece.split == split]
        programs = _programs_of(font)
        with ExitStack() as stack:
            play = _player(font, rate_hz, stack)
            for order in some:
                generator = _generator(seed, order)
                piece, arrangement = _draw(order, known, programs, generator)
                path = folder / f"{order.track_id}.wav"
                soundfile.write(
                    path, _at_random_level(play(arrangement), generator), rate_hz, subtype="PCM_16"
                )
                yield _labelled(order, piece, arrangement, path)


def _programs_of(font: Soundfont) -> Programs:
    programs = {instrument.label: instrument.programs for instrument in INSTRUMENTS}
    if font is not FREEPATS:
        return programs
    there = patches_of(font.path)
    return {label: tuple(sorted(there & set(wanted))) for label, wanted in programs.items()}


def _player(font: Soundfont, rate_hz: int, stack: ExitStack) -> Player:
    if font is FREEPATS:
        return lambda arrangement: play_with_timidity(arrangement, font, rate_hz)
    return stack.enter_context(FluidPlayer(font, rate_hz)).play


def _generator(seed: int, order: ClipOrder) -> np.random.Generator:
    """In training each font has arrangements of its own, in tests all fonts play the same."""
    font = sum(order.font.name.encode()) if order.split is Split.TRAIN else 0
    return np.random.default_rng([seed, list(Split).index(order.split), order.solo, font, order.number])


def _draw(
    order: ClipOrder, pieces: Sequence[Piece], programs: Programs, generator: np.random.Generator
) -> tuple[Piece, Arrangement]:
    """An arrangement in which something sounds; pieces of several parts are drawn more often."""
    weights = np.array([min(len(piece.parts), _MOST_PARTS) for piece in pieces], dtype=float)
    while True:
        piece = pieces[generator.choice(len(pieces), p=weights / weights.sum())]
        arrangement = draw_arrangement(
            piece,
            generator,
            polyphony=order.polyphony,
            with_drums=order.with_drums,
            programs=programs,
            varied_timbre=order.split is Split.TRAIN,
        )
        if arrangement.labels:
            return piece, arrangement


def _at_random_level(
    stereo: npt.NDArray[np.float32], generator: np.random.Generator
) -> npt.NDArray[np.float32]:
    """One channel, its peak at 0 to -20 dB. The front end takes the mean of channels, so it hears no less."""
    mono = stereo.mean(axis=1)
    level = np.exp(generator.uniform(np.log(_SOFTEST), np.log(_LOUDEST)))
    return (mono * (level / max(_SILENCE, float(np.abs(mono).max())))).astype(np.float32)


def _labelled(order: ClipOrder, piece: Piece, arrangement: Arrangement, path: Path) -> LabelledTrack:
    return LabelledTrack(
        order.track_id,
        str(path),
        Labels.of({**dict.fromkeys(arrangement.labels, 1), ALL: -1}),
        group=piece.name,
        training_opt_in=True,
        split=order.split,
        licence=" and ".join(dict.fromkeys((order.font.licence, piece.licence))),
        metadata={"font": order.font.name, **order.part},
    )
