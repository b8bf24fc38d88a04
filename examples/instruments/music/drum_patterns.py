"""Drum patterns: what the drums of a clip play where the score has none."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from examples.instruments.music.scores import ScoreNote

HIT_QUARTERS = 0.5
"""How long a hit counts as sounding; drums ring as long as they do."""

_KICKS, _SNARES, _HATS = (35, 36), (37, 38, 39, 40), (42, 44, 46, 51, 53, 59)
_TOMS, _CYMBALS = (41, 43, 45, 47, 48, 50), (49, 52, 55, 57)
_PERCUSSION = (54, 56, 60, 61, 62, 63, 64, 65, 66, 67, 68, 69, 70, 75, 76, 77, 82)
_BAR_STEPS = 16
_STEP_QUARTERS = 0.25


def draw_drums(generator: np.random.Generator, quarters: float) -> tuple[ScoreNote, ...]:
    """A pattern of a bar, repeated with small changes.

    Args:
        generator: What draws.
        quarters: How long to play, in quarter notes.

    Returns:
        Hits, sorted by time, each with its drum as its pitch.
    """
    pattern = _draw_bar(generator)
    bars = int(np.ceil(quarters / (_BAR_STEPS * _STEP_QUARTERS)))
    hits = [
        ScoreNote((bar * _BAR_STEPS + step) * _STEP_QUARTERS, HIT_QUARTERS, drum)
        for bar in range(bars)
        for step, drum in [*pattern, *_draw_fill(generator)]
        if generator.random() < 0.95
    ]
    return tuple(
        sorted((hit for hit in hits if hit.start < quarters), key=lambda hit: (hit.start, hit.pitch))
    )


def _draw_bar(generator: np.random.Generator) -> list[tuple[int, int]]:
    """Steps of a bar and the drums on them: kick, snare and hi-hat, or percussion alone, or both."""
    kit = generator.random() < 0.85
    hits: list[tuple[int, int]] = []
    if kit:
        kick, snare, hat = (int(generator.choice(drums)) for drums in (_KICKS, _SNARES, _HATS))
        hits += [(step, kick) for step in _draw_steps(generator, strong=(0, 8), chance=0.12)]
        hits += [(step, snare) for step in _draw_steps(generator, strong=(4, 12), chance=0.06)]
        every = int(generator.choice([1, 2, 2, 4]))
        hits += [(step, hat) for step in range(0, _BAR_STEPS, every) if generator.random() < 0.9]
    if not kit or generator.random() < 0.35:
        for drum in generator.choice(_PERCUSSION, size=int(generator.integers(1, 4)), replace=False):
            hits += [(step, int(drum)) for step in _draw_steps(generator, strong=(), chance=0.3)]
    return hits


def _draw_steps(generator: np.random.Generator, strong: tuple[int, ...], chance: float) -> Iterator[int]:
    for step in range(_BAR_STEPS):
        if generator.random() < (0.9 if step in strong else chance):
            yield step


def _draw_fill(generator: np.random.Generator) -> list[tuple[int, int]]:
    """Now and then a cymbal on the first step and toms towards the end of a bar."""
    hits = [(0, int(generator.choice(_CYMBALS)))] if generator.random() < 0.25 else []
    if generator.random() < 0.2:
        hits += [
            (step, int(generator.choice(_TOMS)))
            for step in range(int(generator.integers(10, 14)), _BAR_STEPS)
        ]
    return hits
