"""The music that benchmarks run over: real files, as many as make up so many minutes."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence
from itertools import cycle
from pathlib import Path

from tonearm.transforms.audio.reader import open_audio
from tonearm.transforms.elements.failure import TrackError

MINUTES = 30.0
"""Music to measure with: what a run costs however short it is then weighs as it does in a small backfill."""

_SHORTEST_S = 20.0
"""Jingles and sounds are left out: a catalog has songs."""


def music_files(places: Iterable[Path], minutes: float = MINUTES) -> list[Path]:
    """Pick files from folders, the same ones every time, until they last so long.

    Where there is less music than that, files come again.

    Raises:
        ValueError: There is no song in these places.
    """
    places = [place.resolve() for place in places]  # a manifest elsewhere is going to name them
    found = sorted(path for place in places for path in (place.rglob("*") if place.is_dir() else [place]))
    random.Random(0).shuffle(found)
    songs = {path: duration_s for path in found if (duration_s := _duration_s(path)) >= _SHORTEST_S}
    if not songs:
        raise ValueError(f"no audio file of {_SHORTEST_S:.0f} s or more; name a folder with music")
    picked: list[Path] = []
    seconds = 0.0
    for path in cycle(songs):
        if seconds >= 60 * minutes:
            return picked
        picked.append(path)
        seconds += songs[path]
    raise AssertionError("a cycle does not end")


def audio_seconds(paths: Sequence[Path]) -> float:
    """Length of all files."""
    return sum(_duration_s(path) for path in paths)


def _duration_s(path: Path) -> float:
    """Decoded length: what a container says of it may be missing or wrong. No audio has none."""
    try:
        with open_audio(path) as audio:
            for _ in audio.blocks():
                pass
            return audio.decoded_s
    except TrackError:
        return 0.0
