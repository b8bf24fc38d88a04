"""The analysis of tracks: arrivals in, outcomes out; the same graph for every runner."""

from __future__ import annotations

from collections.abc import Mapping

import apache_beam as beam
from apache_beam.ml.inference.base import RunInference

from tonearm.models.front_end import FrontEnd
from tonearm.transforms.elements.arrival import Arrival
from tonearm.transforms.elements.input_kind import InputKind
from tonearm.transforms.elements.settings import AnalysisSettings
from tonearm.transforms.features.prepare import FAILED, PrepareTracks, prepare_track
from tonearm.transforms.spectrograms.intake.prepare import prepare_record
from tonearm.transforms.tagging.analysis import Outcome
from tonearm.transforms.tagging.at_work import LoadTagger, load_named
from tonearm.transforms.tagging.counting import CountOutcomes, OnFailure
from tonearm.transforms.tagging.inference import TaggerHandler

_WAYS = {InputKind.AUDIO: prepare_track, InputKind.SPECTROGRAM: prepare_record}
"""How a track becomes patches, by what it comes as."""


class AnalyzeTracks(beam.PTransform):
    """Arrivals to outcomes: an analysis or a failure for each, none lost.

    Decoding and inference are fused, without a shuffle between them: spectrograms never leave the worker,
    unless ``network_hints`` ask for workers of their own for the networks.
    """

    def __init__(
        self,
        settings: AnalysisSettings,
        front_end: FrontEnd,
        on_failure: OnFailure | None = None,
        *,
        load: LoadTagger = load_named,
        network_hints: Mapping[str, str] | None = None,
    ) -> None:
        """Set up the graph.

        Args:
            settings: How tracks are analysed.
            front_end: The tagger's front end.
            on_failure: Told of every failure, on the worker; must pickle.
            load: Brings the tagger to work on a worker.
            network_hints: What a cluster's workers need that run the networks, where they are to be others
                than those that decode; Beam's resource hints.
        """
        super().__init__()
        self._count = CountOutcomes(on_failure)
        self._settings = settings
        self._front_end = front_end
        self._load = load
        self._network_hints = network_hints or {}

    def expand(self, announced: beam.PCollection[Arrival]) -> beam.PCollection[Outcome]:
        """Return analyses and failures, counted."""
        prepared = announced | "Prepare" >> beam.ParDo(
            PrepareTracks(self._settings, self._front_end, _WAYS)
        ).with_outputs(FAILED, main="prepared")
        networks = RunInference(TaggerHandler(self._settings, self._load)).with_resource_hints(
            **self._network_hints
        )
        analyses = prepared.prepared | "Infer" >> networks
        # Counted before the Flatten, at which a local runner holds elements back, or progress would halt.
        counted = (
            analyses | "Count analyses" >> beam.ParDo(self._count).with_output_types(Outcome),
            prepared[FAILED] | "Count failures" >> beam.ParDo(self._count).with_output_types(Outcome),
        )
        return counted | "Join" >> beam.Flatten()
