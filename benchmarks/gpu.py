"""The networks on a GPU: patches a second, share of its matrix-multiply peak, scores against the CPU.

``python -m benchmarks.gpu [MUSIC…] [--patches 4096] [--rounds 5] [--device cuda]``

With music also the whole run, from files to tables, with a worker for each core beside the GPU.
``--device cpu`` runs the same code without a GPU, to see that it works; its figures say nothing of a GPU.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from statistics import median

import numpy as np
import torch

from benchmarks.music import audio_seconds, music_files
from benchmarks.network_work import gigaflops, made_up_patches, with_torch
from benchmarks.pipeline import ingest_seconds
from tonearm.models.bundles.loading import load_tagger
from tonearm.models.engines.arrangement import ArrangedTagger
from tonearm.models.engines.contract import Array
from tonearm.models.engines.torch_engine import TorchEngine
from tonearm.models.side_by_side import SideBySide

PEAK_SIZE = 8192
"""Rows and columns of the matrices on a GPU; the CPU, which only tries the code, gets fewer."""

COMPARED_PATCHES = 64

TRIAL_BATCH = 8
"""Patches of a batch, and patches compared, on a CPU, which emulates float16."""


@dataclass(frozen=True, slots=True)
class Row:
    """Medians over the rounds.

    Attributes:
        device: Its name.
        precision: ``float32`` or ``bf16``, which is float16 on a GPU.
        patches_per_s: From host memory to scores in host memory.
        gflops: Operations that the pruned, fused networks execute a second, in billions.
        of_peak: ``gflops`` by what a matrix product reaches on the device in the same precision.
        score_error: Largest difference of a patch score from the networks' definition on the CPU, in float32.
        cores: Workers that decode beside it in a whole run; None where there was no music.
        ingest_times_real: Seconds of audio a second in that run, tables included.
    """

    device: str
    precision: str
    patches_per_s: float
    gflops: float
    of_peak: float
    score_error: float
    cores: int | None
    ingest_times_real: float | None


def rows(
    music: Sequence[Path] = (), *, device: str = "cuda", patches: int = 4096, rounds: int = 5
) -> list[Row]:
    """Measure both precisions.

    Args:
        music: Songs for whole runs.
        device: ``cuda``, or ``cpu`` to try the code.
        patches: As many are scored in a round.
        rounds: How often.
    """
    cores = len(os.sched_getaffinity(0)) if music else None
    audio_s = audio_seconds(music)
    tagger = load_tagger("musicnn")
    sizes = {"batch": TRIAL_BATCH} if device == "cpu" else {}
    batch = made_up_patches(tagger, sizes.get("batch", COMPARED_PATCHES))
    expected = with_torch(SideBySide(tagger.build_networks()))(batch)
    many = np.resize(batch, (patches, *batch.shape[1:]))
    work = gigaflops(ArrangedTagger(tagger), tagger)
    measured = []
    for precision, dtype in (("float32", torch.float32), ("bf16", torch.float16)):
        engine = TorchEngine(tagger, precision, device=device, **sizes)
        error = float(np.abs(engine.infer(batch)[0] - expected).max())
        seconds = [_seconds(lambda: engine.infer(many)) for _ in range(rounds)]  # noqa: B023
        per_second = patches / median(seconds)
        gflops, peak = per_second * work, _peak_gflops(device, dtype)
        ingest = None
        if cores:
            ingest = audio_s / median(ingest_seconds(music, cores, precision) for _ in range(rounds))
        measured.append(
            Row(_name(device), precision, per_second, gflops, gflops / peak, error, cores, ingest)
        )
    return measured


def _peak_gflops(device: str, dtype: torch.dtype) -> float:
    """What the device reaches in a product of two square matrices, TF32 off as in the engine."""
    size = PEAK_SIZE if device == "cuda" else PEAK_SIZE // 16
    left, right = torch.randn(2, size, size, device=device).to(dtype)

    def product() -> None:
        left @ right
        if device == "cuda":
            torch.cuda.synchronize()

    product()
    return 2 * size**3 / min(_seconds(product) for _ in range(5)) / 1e9


def _seconds(run: Callable[[], Array | tuple[Array, Array] | None]) -> float:
    begun = time.perf_counter()
    run()
    return time.perf_counter() - begun


def _name(device: str) -> str:
    return torch.cuda.get_device_name() if device == "cuda" else "CPU (only a trial of the code)"


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("music", nargs="*", type=Path, help="files or folders with songs")
    parser.add_argument("--device", choices=["cuda", "cpu"], default="cuda")
    parser.add_argument("--patches", type=int, default=4096, help="patches a round (default: 4096)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds to take medians of (default: 5)")
    options = parser.parse_args(arguments)
    if options.device == "cuda" and not torch.cuda.is_available():
        sys.exit("There is no GPU that PyTorch can use here: nothing was measured.")
    songs = music_files(options.music) if options.music else []
    print("  ".join(each.name for each in fields(Row)))
    for row in rows(songs, device=options.device, patches=options.patches, rounds=options.rounds):
        values = [getattr(row, each.name) for each in fields(Row)]
        print("  ".join(f"{value:.3g}" if isinstance(value, float) else str(value) for value in values))


if __name__ == "__main__":
    main()
