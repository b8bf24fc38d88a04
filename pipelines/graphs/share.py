"""The tagging of a share on one machine: arrivals in, rows of the tables out, to be committed together."""

from __future__ import annotations

from collections import Counter

import apache_beam as beam

from tonearm.models.front_end import FrontEnd
from tonearm.pipelines.graphs.analyze import AnalyzeTracks
from tonearm.transforms.elements.arrival import Arrival
from tonearm.transforms.elements.settings import AnalysisSettings
from tonearm.transforms.tables.contract import TableWriter
from tonearm.transforms.tables.rows import Provenance
from tonearm.transforms.tables.sink import GatherInBundle, WriteTables
from tonearm.transforms.tagging.counting import OnFailure


class TagShare(beam.PTransform):
    """Arrivals to the rows of a share: an analysis or a failure for each, none lost."""

    def __init__(
        self,
        settings: AnalysisSettings,
        front_end: FrontEnd,
        writer: TableWriter,
        provenance: Provenance,
        on_failure: OnFailure,
    ) -> None:
        """Set up the graph.

        Args:
            settings: How tracks are analysed.
            front_end: The tagger's front end.
            writer: Where rows go.
            provenance: What all rows have in common.
            on_failure: Told of every failure; must pickle.
        """
        super().__init__()
        self._analyze = AnalyzeTracks(settings, front_end, on_failure)
        self._write = WriteTables(GatherInBundle(), writer, provenance)

    def expand(self, announced: beam.PCollection[Arrival]) -> beam.PCollection[Counter[str]]:
        """Return how many rows of each table there are."""
        return announced | "Analyze" >> self._analyze | "Write" >> self._write
