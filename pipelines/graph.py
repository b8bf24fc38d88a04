"""The graph: announced tracks in, files of the tables out; the same for every runner."""

from __future__ import annotations

import apache_beam as beam
from apache_beam.ml.inference.base import RunInference

from models.front_end import FrontEnd
from transforms.count import CountSettled
from transforms.inference import Settled, TaggerHandler
from transforms.prepare import SETTLED, PrepareTracks
from transforms.settings import AnalysisSettings
from transforms.sources import Announced


class AnalyzeTracks(beam.PTransform):
    """Announced tracks to settled ones: an analysis or a failure for each, none lost.

    Decoding and inference are fused, without a shuffle between them: spectrograms never leave the worker.
    """

    def __init__(self, settings: AnalysisSettings, front_end: FrontEnd) -> None:
        super().__init__()
        self._settings = settings
        self._front_end = front_end

    def expand(self, announced: beam.PCollection[Announced]) -> beam.PCollection[Settled]:
        """Return analyses and failures, counted."""
        prepared = announced | "Prepare" >> beam.ParDo(
            PrepareTracks(self._settings, self._front_end)
        ).with_outputs(SETTLED, main="prepared")
        analyses = prepared.prepared | "Infer" >> RunInference(TaggerHandler(self._settings))
        # Counted before they are joined: a local runner ends a stage at a Flatten, and progress would halt.
        counted = (
            analyses | "Count analyses" >> beam.ParDo(CountSettled()).with_output_types(Settled),
            prepared[SETTLED] | "Count failures" >> beam.ParDo(CountSettled()).with_output_types(Settled),
        )
        return counted | "Join" >> beam.Flatten()
