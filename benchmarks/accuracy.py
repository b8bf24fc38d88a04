"""How far the CPU engine's scores are from the PyTorch definition's, over real music.

``python -m benchmarks.accuracy MUSIC… [--patches_a_track 4]``

A track of one patch has no mean that evens errors out; so every patch counts as an excerpt of its own, beside
the means over the patches taken of a track, which are spread evenly over it.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
import torch

from tonearm.models.bundles.loading import load_tagger
from tonearm.models.engines.contract import Array, PrecisionError
from tonearm.models.engines.shared import shared_engine
from tonearm.models.front_end import FrontEnd
from tonearm.models.side_by_side import SideBySide
from tonearm.transforms.audio.reader import open_audio
from tonearm.transforms.elements.failure import TrackError
from tonearm.transforms.features.spectrogram import spectrogram_of


@dataclass(frozen=True, slots=True)
class Row:
    """Differences of scores, the largest over the outputs, by patch or by track.

    Attributes:
        precision: ``float32`` or ``bf16``.
        tracks: How many, short effects included.
        patches: How many were taken of them.
        median_patch: Median over the patches.
        p99_patch: 99th percentile over the patches.
        largest_patch: Largest over the patches.
        largest_track: Largest over the tracks' means.
    """

    precision: str
    tracks: int
    patches: int
    median_patch: float
    p99_patch: float
    largest_patch: float
    largest_track: float


def rows(music: Sequence[Path], *, patches_a_track: int = 4) -> list[Row]:
    """Compare both precisions, or the one that the machine has."""
    tagger = load_tagger("musicnn")
    tracks = [
        patches for path in music if len(patches := _patches_of(path, tagger.front_end, patches_a_track))
    ]
    if not tracks:
        raise ValueError("no audio file; name files or folders with music")
    batch = np.concatenate(tracks)
    ends = np.cumsum([len(patches) for patches in tracks])[:-1]
    definition = SideBySide(tagger.build_networks())
    with torch.inference_mode():
        expected = np.concatenate([definition(torch.from_numpy(patch[None]))[0].numpy() for patch in batch])
    measured = []
    for precision in ("float32", "bf16"):
        try:
            difference = shared_engine(tagger, precision).infer(batch)[0] - expected
        except PrecisionError:  # the table says so by not having this row
            continue
        by_patch = np.abs(difference).max(axis=1)
        by_track = [np.abs(part.mean(axis=0)).max() for part in np.split(difference, ends)]
        median, p99, largest = (float(np.percentile(by_patch, share)) for share in (50, 99, 100))
        measured.append(
            Row(precision, len(tracks), len(batch), median, p99, largest, float(np.max(by_track)))
        )
    return measured


def _patches_of(path: Path, front_end: FrontEnd, most: int) -> Array:
    try:
        with open_audio(path) as audio:
            patches = spectrogram_of(audio.samples(front_end.sample_rate_hz), front_end).patches
    except TrackError:
        return np.empty((0, front_end.patch_frames, front_end.mel_bands), np.float32)
    return patches[:: -(-len(patches) // most)]


def files_in(places: Sequence[Path]) -> list[Path]:
    """All files of folders, and the files named."""
    found = (path for place in places for path in (place.rglob("*") if place.is_dir() else [place]))
    return sorted(path for path in found if path.is_file())


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("music", nargs="+", type=Path, help="files or folders with music")
    parser.add_argument("--patches_a_track", type=int, default=4, help="the most taken (default: 4)")
    options = parser.parse_args(arguments)
    print("  ".join(each.name for each in fields(Row)))
    for row in rows(files_in(options.music), patches_a_track=options.patches_a_track):
        values = [getattr(row, each.name) for each in fields(Row)]
        print("  ".join(f"{value:.2g}" if isinstance(value, float) else str(value) for value in values))


if __name__ == "__main__":
    main()
