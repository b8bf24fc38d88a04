"""What spectrograms give away of the music, and what it costs to give away less.

``python -m benchmarks.inversion MUSIC… [--songs 24]``

Patches of our front end are made into audio again, and Chromaprint, the fingerprint behind AcoustID, says how
alike that is to the song it comes from. The same patches are tagged. So each way of handing patches over has
a row: what it still gives away, and what it costs.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, fields
from itertools import combinations
from pathlib import Path

import numpy as np
import torch

from benchmarks.inversion.recognition import bits_alike
from benchmarks.inversion.songs import HandedOver, Song, handed_over
from benchmarks.inversion.ways import WAYS, Way, neighbours_found
from benchmarks.music import music_files
from tonearm.models.bundles.loading import load_tagger
from tonearm.models.engines.shared import shared_engine

MINUTES_A_SONG = 3.0
"""For picking songs; each one is taken whole."""


@dataclass(frozen=True, slots=True)
class Row:
    """One way over all songs.

    Attributes:
        way: Its name.
        alike: Share of a fingerprint's bits that are the song's, the median over the songs.
        alike_p5: The same of the song for which 95 % are more alike.
        alike_p95: The same of the song for which 95 % are less alike.
        neighbours: Share of patches whose successor is told by their borders; None where order is no secret.
        speed: Seconds of audio rebuilt in a second of processor time, the median.
        score_moves: Largest move of a song's track scores, the median over the songs.
        score_moves_p95: The same of the song for which 95 % move less.
        tags_kept: Share of the selected tags that stay so.
        tags_new: Share of the tags selected then that were not.
        tracks_alike: Share of the songs whose selected tags are the same.
    """

    way: str
    alike: float
    alike_p5: float
    alike_p95: float
    neighbours: float | None
    speed: float
    score_moves: float
    score_moves_p95: float
    tags_kept: float
    tags_new: float
    tracks_alike: float


def rows(paths: Sequence[Path]) -> tuple[list[Row], list[float]]:
    """Measure all ways over the songs.

    Returns:
        The rows, and for every two songs the share of bits that their fingerprints have alike.
    """
    torch.set_num_threads(1)
    tagger = load_tagger("musicnn")
    engine = shared_engine(tagger, "float32")
    songs = [Song.read(path, tagger, engine) for path in paths]
    different = [
        float(bits_alike(one.fingerprint, other.fingerprint).mean()) for one, other in combinations(songs, 2)
    ]
    return [_row(way, songs, [handed_over(song, way, tagger) for song in songs]) for way in WAYS], different


def _row(way: Way, songs: Sequence[Song], measured: Sequence[HandedOver]) -> Row:
    alike = [each.alike for each in measured]
    moves = [each.score_moves for each in measured]
    kept, lost, new = (
        sum(counts) for counts in zip(*((e.kept, e.lost, e.new) for e in measured), strict=True)
    )
    neighbours = [neighbours_found(way.rounded(song.patches[way.kept(len(song.patches))])) for song in songs]
    return Row(
        way=way.name,
        alike=float(np.median(alike)),
        alike_p5=float(np.percentile(alike, 5)),
        alike_p95=float(np.percentile(alike, 95)),
        neighbours=float(np.mean(neighbours)) if way.shuffled else None,
        speed=float(np.median([each.speed for each in measured])),
        score_moves=float(np.median(moves)),
        score_moves_p95=float(np.percentile(moves, 95)),
        tags_kept=kept / max(1, kept + lost),
        tags_new=new / max(1, kept + new),
        tracks_alike=float(np.mean([not (each.lost or each.new) for each in measured])),
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.inversion",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("music", nargs="+", type=Path, help="files or folders with songs")
    parser.add_argument("--songs", type=int, default=24, help="how many to take (default: 24)")
    options = parser.parse_args(arguments)
    found = list(dict.fromkeys(music_files(options.music, MINUTES_A_SONG * options.songs)))
    measured, different = rows(found[: options.songs])
    print(
        f"{len(found[: options.songs])} songs; bits alike between different songs: median "
        f"{np.median(different):.3f}, 5 % to 95 % {np.percentile(different, 5):.3f} to "
        f"{np.percentile(different, 95):.3f}, at most {max(different):.3f}"
    )
    print("  ".join(each.name for each in fields(Row)))
    for row in measured:
        values = [getattr(row, each.name) for each in fields(Row)]
        print("  ".join(f"{value:.3g}" if isinstance(value, float) else str(value) for value in values))


if __name__ == "__main__":
    main()
