"""The making of spectrograms: arrivals in, rows of ``spectrograms`` and ``failures`` out, and no network."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import apache_beam as beam

from tonearm.models.front_end import FrontEnd
from tonearm.pipelines.runs.order import SpectrogramWish
from tonearm.transforms.elements.arrival import Arrival
from tonearm.transforms.elements.failure import Failure
from tonearm.transforms.elements.input_kind import InputKind
from tonearm.transforms.elements.settings import AnalysisSettings
from tonearm.transforms.features.patch_gaps import with_gaps
from tonearm.transforms.features.prepare import FAILED, PrepareTracks, prepare_track
from tonearm.transforms.features.prepared import PreparedTrack
from tonearm.transforms.tables.contract import TableWriter
from tonearm.transforms.tables.rows import Provenance
from tonearm.transforms.tables.sink import GatherInBundle, WriteTables
from tonearm.transforms.tables.spectrogram_sink import WriteSpectrograms
from tonearm.transforms.tagging.counting import CountOutcomes, OnFailure


class MakeSpectrograms(beam.PTransform):
    """Arrivals to the rows of a share: a spectrogram or a failure for each, none lost."""

    def __init__(
        self,
        settings: AnalysisSettings,
        front_end: FrontEnd,
        wish: SpectrogramWish,
        writer: TableWriter,
        provenance: Provenance,
        on_failure: OnFailure,
    ) -> None:
        """Set up the graph.

        Args:
            settings: How tracks are read.
            front_end: Makes the patches.
            wish: What is written of them.
            writer: Where rows go.
            provenance: What all rows have in common.
            on_failure: Told of every failure; must pickle.
        """
        super().__init__()
        self._prepare = PrepareTracks(settings, front_end, {InputKind.AUDIO: prepare_track})
        self._count = CountOutcomes(on_failure)
        self._write = WriteSpectrograms(writer, provenance, front_end, with_uris=wish.with_uris)
        self._write_failures = WriteTables(GatherInBundle(), writer, provenance)
        self._wish = wish
        self._front_end = front_end

    def expand(self, announced: beam.PCollection[Arrival]) -> beam.PCollection[Counter[str]]:
        """Return how many rows of failures there are."""
        prepared = announced | "Prepare" >> beam.ParDo(self._prepare).with_outputs(FAILED, main="prepared")
        counted = prepared.prepared | "Count" >> beam.ParDo(self._count).with_output_types(PreparedTrack)
        if self._wish.hop_gap:
            gaps = beam.Map(_left_out, self._front_end, self._wish.hop_gap)
            counted |= "Leave out" >> gaps.with_output_types(PreparedTrack)
        counted | "Write" >> beam.ParDo(self._write)
        failures = prepared[FAILED] | "Count failures" >> beam.ParDo(self._count).with_output_types(Failure)
        if not self._wish.with_uris:
            failures |= "Withhold" >> beam.Map(_without_uri).with_output_types(Failure)
        return failures | "Write failures" >> self._write_failures


def _left_out(prepared: PreparedTrack, front_end: FrontEnd, hop_gap: int) -> PreparedTrack:
    """The track without the patches of the gaps."""
    return replace(prepared, spectrogram=with_gaps(prepared.spectrogram, front_end, hop_gap))


def _without_uri(failure: Failure) -> Failure:
    """The failure as its row tells it where URIs are withheld; a message may quote them."""
    uri = failure.track.uri
    message = failure.message.replace(uri, "the track") if uri else failure.message
    return replace(failure, track=replace(failure.track, uri=""), message=message)
