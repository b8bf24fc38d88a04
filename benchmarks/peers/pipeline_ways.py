"""The ways that ``benchmarks.pipeline`` compares; each in a process of its own, which prints its seconds."""

from __future__ import annotations

import contextlib
import json
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from tonearm.models.bundles.loading import load_tagger
from tonearm.models.engines.shared import shared_engine
from tonearm.pipelines.ingest import ingest
from tonearm.pipelines.runs.beam_options import BeamOptions
from tonearm.pipelines.runs.order import IngestOrder
from tonearm.transforms.elements.settings import AnalysisSettings
from tonearm.transforms.elements.stage_times import StageTimes
from tonearm.transforms.elements.track import Track
from tonearm.transforms.features.prepare import prepare_track
from tonearm.transforms.sources.listing import arrivals_at
from tonearm.transforms.tagging.analysis import analyze

EAGER_BATCH = 2
"""Patches a call: larger batches are slower in PyTorch on a CPU."""


def main() -> None:
    """Run the way, cores and precision named first over the files named after them."""
    way, cores, precision, *paths = sys.argv[1:]
    torch.set_num_threads(1)
    settings = AnalysisSettings(precision=precision)
    run = _WAYS[way](settings, int(cores))
    with contextlib.redirect_stdout(sys.stderr):
        run(paths[: int(cores)])  # a decoder for each worker
        begun = time.perf_counter()
        run(paths)
        seconds = time.perf_counter() - begun
    print(json.dumps(seconds))


Run = Callable[[Sequence[str]], None]


def _loop(settings: AnalysisSettings, cores: int) -> Run:
    """Our own kernels in a plain loop: no Beam, no tables."""
    tagger = load_tagger(settings.tagger)
    engine = shared_engine(tagger, settings.precision)

    def run(paths: Sequence[str]) -> None:
        for track in _tracks(paths):
            prepared = prepare_track(track, settings, tagger.front_end, StageTimes())
            scores, embeddings = engine.infer(prepared.spectrogram.patches)
            analyze(prepared, scores, embeddings, tagger, settings.segment_seconds)

    return run


def _eager(settings: AnalysisSettings, cores: int) -> Run:
    """The PyTorch definition as it was trained, behind our front end."""
    tagger = load_tagger(settings.tagger)
    networks = tagger.build_networks()

    def run(paths: Sequence[str]) -> None:
        for track in _tracks(paths):
            prepared = prepare_track(track, settings, tagger.front_end, StageTimes())
            with torch.inference_mode():
                for patches in torch.from_numpy(prepared.spectrogram.patches).split(EAGER_BATCH):
                    for network in networks:
                        network(patches)

    return run


def _ingest(settings: AnalysisSettings, cores: int) -> Run:
    """The whole run: listing, graph, tables, commits."""

    def run(paths: Sequence[str]) -> None:
        with tempfile.TemporaryDirectory() as folder:
            manifest = Path(folder) / "manifest.csv"
            lines = [f"{number},{path}" for number, path in enumerate(paths)]
            manifest.write_text("\n".join(["track_id,uri", *lines]))
            output = f"{folder}/tables"
            record = ingest(IngestOrder(str(manifest), (output,), settings, beam=BeamOptions(workers=cores)))
            if record.tagged != len(paths):
                raise ValueError(f"only {record.tagged} of {len(paths)} files were tagged")

    return run


def _tracks(paths: Sequence[str]) -> list[Track]:
    return [track for path in paths for track in arrivals_at(path) if isinstance(track, Track)]


_WAYS: dict[str, Callable[[AnalysisSettings, int], Run]] = {"loop": _loop, "eager": _eager, "ingest": _ingest}


if __name__ == "__main__":
    main()
