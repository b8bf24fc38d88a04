"""The networks on the CPU: the engine against PyTorch and OpenVINO as they come, and against the peak.

``python -m benchmarks.network [--tagger musicnn] [--rounds 5] [--patches 24]``

All ways run in turn, round by round. Shares compare processor time with that of matrix products in the same
round, so that neither a busy machine nor its clock counts. The definition of musicnn's networks needs 2.8 G
multiply-adds a patch; a way that leaves some out, because filters are dead or terms shared, may pass 100 % of
the peak.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, fields
from statistics import median
from typing import cast

import numpy as np
import torch
from torch import nn

from benchmarks.network_work import Score, gigaflops, made_up_patches, with_torch
from benchmarks.peers.peak import peak_gflops
from tonearm.models.bundles.loading import load_tagger
from tonearm.models.bundles.tagger import Tagger
from tonearm.models.engines.arrangement import ArrangedTagger
from tonearm.models.engines.contract import Array, PrecisionError
from tonearm.models.engines.openvino_library import openvino
from tonearm.models.engines.shared import shared_engine
from tonearm.models.musicnn.network import Musicnn
from tonearm.models.musicnn.pruning import prune
from tonearm.models.side_by_side import SideBySide

OPENVINO_BATCH = 4


@dataclass(frozen=True, slots=True)
class Row:
    """Medians over the rounds.

    Attributes:
        way: Who computes; ``engine`` is what the product uses, ``peak`` multiplies matrices.
        precision: ``float32`` or ``bf16``.
        threads: Callers at once.
        times_real: Seconds of audio a second, all networks of the tagger.
        cpu_ms: Processor milliseconds a patch.
        gflops: Operations that the way executes, a second of processor time, in billions; without those on
            filters of zeros, which fill the engine's blocks.
        of_peak: The definition's operations by the peak of the same precision: above 1 where work is saved.
        executed_of_peak: ``gflops`` by the peak.
        score_error: Largest difference of a patch score from the definition.
    """

    way: str
    precision: str
    threads: int
    times_real: float | None
    cpu_ms: float | None
    gflops: float
    of_peak: float
    executed_of_peak: float
    score_error: float | None


@dataclass
class _Way:
    """One way to score patches, and what it took in each round."""

    name: str
    precision: str
    threads: int
    score: Score
    gigaflops: float  # a patch
    wall_s: list[float] = field(default_factory=list)  # a patch
    cpu_s: list[float] = field(default_factory=list)  # a patch
    score_error: float = 0.0


def rows(location: str = "musicnn", *, rounds: int = 5, patches: int = 24) -> list[Row]:
    """Measure all ways.

    Args:
        location: The tagger: ``musicnn``, or the folder of a bundle.
        rounds: How often each way runs.
        patches: Patches that it scores in a round, per thread.
    """
    if patches % OPENVINO_BATCH:
        raise ValueError(f"The number of patches must be a multiple of {OPENVINO_BATCH}.")
    tagger = load_tagger(location)
    definition = SideBySide(tagger.build_networks())
    batch = made_up_patches(tagger, patches)
    expected = with_torch(definition)(batch)
    ways = _ways(tagger, definition)
    peaks: dict[str, list[float]] = {way.precision: [] for way in ways}
    for way in ways:
        way.score_error = float(np.abs(way.score(batch) - expected).max())
    for _ in range(rounds):
        for precision, measured in peaks.items():
            measured.append(peak_gflops(precision))
        for way in ways:
            _measure(way, batch)
    needed = gigaflops(definition, tagger)
    peak_rows = [_peak_row(precision, median(measured)) for precision, measured in peaks.items()]
    return peak_rows + [_row(way, peaks[way.precision], needed, tagger) for way in ways]


def _ways(tagger: Tagger, definition: nn.Module) -> list[_Way]:
    full_work = gigaflops(definition, tagger)
    ways = [
        _Way("PyTorch, all filters", "float32", 1, with_torch(definition), full_work),
        _Way("OpenVINO, all filters", "float32", 1, _with_openvino(definition, tagger, "f32"), full_work),
        *_pruned_ways(tagger),
        *_engine_ways(tagger, "float32"),
    ]
    try:
        engine_ways = _engine_ways(tagger, "bf16")
    except PrecisionError:  # the table says so by not having these rows
        return ways
    plain = _Way("OpenVINO, all filters", "bf16", 1, _with_openvino(definition, tagger, "bf16"), full_work)
    return [*ways, plain, *engine_ways]


def _pruned_ways(tagger: Tagger) -> list[_Way]:
    """Ways without filters that are dead, of the architecture that has such."""
    networks = tagger.build_networks()
    if not all(isinstance(network, Musicnn) for network in networks):
        return []
    pruned = SideBySide([prune(cast(Musicnn, network)) for network in networks])
    work = gigaflops(pruned, tagger)
    return [
        _Way("PyTorch, pruned", "float32", 1, with_torch(pruned), work),
        _Way("OpenVINO, pruned", "float32", 1, _with_openvino(pruned, tagger, "f32"), work),
    ]


def _engine_ways(tagger: Tagger, precision: str) -> list[_Way]:
    engine = shared_engine(tagger, precision)
    work = gigaflops(ArrangedTagger(tagger, rounded=precision == "bf16"), tagger)
    return [
        _Way("engine", precision, threads, lambda batch: engine.infer(batch)[0], work) for threads in (1, 2)
    ]


def _with_openvino(module: nn.Module, tagger: Tagger, hint: str) -> Score:
    example = torch.zeros(OPENVINO_BATCH, tagger.front_end.patch_frames, tagger.front_end.mel_bands)
    graph = openvino.convert_model(module, example_input=example, input=[tuple(example.shape)])
    settings = {
        "INFERENCE_PRECISION_HINT": hint,
        "INFERENCE_NUM_THREADS": 1,
        "NUM_STREAMS": 1,
        "ENABLE_CPU_PINNING": False,
    }
    request = openvino.Core().compile_model(graph, "CPU", settings).create_infer_request()

    def score(patches: Array) -> Array:
        results = []
        for start in range(0, len(patches), OPENVINO_BATCH):
            request.get_input_tensor().data[:] = patches[start : start + OPENVINO_BATCH]
            request.infer()
            results.append(request.get_output_tensor(0).data.copy())
        return np.concatenate(results)

    return score


def _measure(way: _Way, batch: Array) -> None:
    torch.set_num_threads(1)
    with ThreadPoolExecutor(way.threads) as pool:
        wall, processor = time.perf_counter(), time.process_time()
        for _ in pool.map(way.score, [batch] * way.threads):
            pass
    scored = len(batch) * way.threads
    way.wall_s.append((time.perf_counter() - wall) / scored)
    way.cpu_s.append((time.process_time() - processor) / scored)


def _row(way: _Way, peaks: list[float], needed: float, tagger: Tagger) -> Row:
    capacity = [cpu_s * peak for cpu_s, peak in zip(way.cpu_s, peaks, strict=True)]
    return Row(
        way=way.name,
        precision=way.precision,
        threads=way.threads,
        times_real=tagger.front_end.patch_seconds / median(way.wall_s),
        cpu_ms=1000 * median(way.cpu_s),
        gflops=way.gigaflops / median(way.cpu_s),
        of_peak=median(needed / each for each in capacity),
        executed_of_peak=median(way.gigaflops / each for each in capacity),
        score_error=way.score_error,
    )


def _peak_row(precision: str, gflops: float) -> Row:
    return Row("peak", precision, 1, None, None, gflops, 1.0, 1.0, None)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--tagger", default="musicnn", help="musicnn or a bundle's folder (default: musicnn)")
    parser.add_argument("--rounds", type=int, default=5, help="how often each way runs (default: 5)")
    parser.add_argument("--patches", type=int, default=24, help="patches a thread and round (default: 24)")
    options = parser.parse_args(arguments)
    names = [each.name for each in fields(Row)]
    print("  ".join(names))
    for row in rows(options.tagger, rounds=options.rounds, patches=options.patches):
        values = [getattr(row, name) for name in names]
        print("  ".join(f"{value:.3g}" if isinstance(value, float) else str(value) for value in values))


if __name__ == "__main__":
    main()
