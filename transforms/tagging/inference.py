"""Batched inference: Beam's RunInference with a handler that joins the patches of many tracks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from apache_beam.metrics import Metrics
from apache_beam.ml.inference.base import ModelHandler

from tonearm.models.bundles.tagger import Tagger
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Failure, Stage, TrackError
from tonearm.transforms.elements.settings import AnalysisSettings
from tonearm.transforms.elements.stage_times import NAMESPACE
from tonearm.transforms.features.prepared import PreparedTrack
from tonearm.transforms.tagging.analysis import Outcome, TrackAnalysis
from tonearm.transforms.tagging.at_work import LoadTagger, load_named
from tonearm.transforms.tagging.company import TaggersAtWork
from tonearm.transforms.tagging.scoring import outcomes_by

MIN_BATCH_PATCHES = 64
MAX_BATCH_PATCHES = 256
"""Bounds of an inference batch, which Beam gathers before it calls the engine: enough to fill device batches,
and no more than 18 MB of patches where tracks are of usual length."""


class TaggerHandler(ModelHandler[PreparedTrack, Outcome, TaggersAtWork]):  # type: ignore[misc]
    """Scores prepared tracks: patches of many tracks in one batch, split back by track.

    What comes out is the analysis; the spectrogram is not carried on. If a batch fails, its
    tracks are tried one by one, so that a failure costs only the guilty track.

    A tagger that is to change while the job runs is asked for before each batch. Beam's own model refresh
    would need a side input, and goes on with the old model, silently, where a new one cannot be loaded.

    Args:
        settings: How tracks are analysed.
        load: Brings the tagger to work in a process.
    """

    def __init__(self, settings: AnalysisSettings, load: LoadTagger = load_named) -> None:
        self._settings = settings
        self._load = load

    def load_model(self) -> TaggersAtWork:
        """Bring the taggers to work in this process, whose threads share them."""
        return TaggersAtWork.loaded(self._settings, self._load)

    def run_inference(
        self,
        batch: Sequence[PreparedTrack],
        model: TaggersAtWork,
        inference_args: dict[str, Any] | None = None,
    ) -> Iterator[Outcome]:
        """Analyse the tracks of one batch, each on its own merits."""
        for loaded, tracks in model.shared_out(batch):
            fitting = []
            for prepared in tracks:
                if prepared.spectrogram.fingerprint == loaded.tagger.front_end.fingerprint:
                    fitting.append(prepared)
                else:
                    yield Failure.of(prepared.track, _mismatch(prepared, loaded.tagger))
            outcomes = list(outcomes_by(loaded, fitting, self._settings.segment_seconds))
            _count_patches(fitting, outcomes)
            yield from model.shadow.beside(fitting, outcomes) if model.shadow else outcomes

    def get_num_bytes(self, batch: Sequence[PreparedTrack]) -> int:
        """Bytes of all patches."""
        return sum(prepared.spectrogram.patches.nbytes for prepared in batch)

    def get_metrics_namespace(self) -> str:
        """Namespace of RunInference's own metrics."""
        return NAMESPACE

    def batch_elements_kwargs(self) -> dict[str, Any]:
        """Let Beam gather tracks until their patches fill device batches."""
        return {
            "min_batch_size": MIN_BATCH_PATCHES,
            "max_batch_size": MAX_BATCH_PATCHES,
            "element_size_fn": patch_count,
        }


def patch_count(prepared: PreparedTrack) -> int:
    """Size of an element, for Beam's batching."""
    return len(prepared.spectrogram.patches)


def _count_patches(batch: Sequence[PreparedTrack], outcomes: Sequence[Outcome]) -> None:
    """Count the patches of tracks that were tagged."""
    for prepared, outcome in zip(batch, outcomes, strict=True):
        if isinstance(outcome, TrackAnalysis):
            Metrics.counter(NAMESPACE, "patches").inc(patch_count(prepared))


def _mismatch(prepared: PreparedTrack, tagger: Tagger) -> TrackError:
    return TrackError(
        Stage.INFERENCE,
        ErrorWord.FRONTEND_MISMATCH,
        f"made by front end {prepared.spectrogram.fingerprint}; "
        f"{tagger.identity} needs {tagger.front_end.fingerprint}",
    )
