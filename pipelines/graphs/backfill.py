"""The graphs of the ingest job on a cluster: the whole input or the unbounded source at once.

The cluster keeps the state, so there are no waves: tracks are gathered by count and time, and written.
"""

from __future__ import annotations

import apache_beam as beam

from tonearm.models.bundles.tagger import Tagger
from tonearm.pipelines.graphs.analyze import AnalyzeTracks
from tonearm.transforms.elements.arrival import Arrival
from tonearm.transforms.elements.settings import AnalysisSettings
from tonearm.transforms.sources.pending import ListPending
from tonearm.transforms.tables.contract import Output
from tonearm.transforms.tables.rows import Provenance
from tonearm.transforms.tables.sink import GatherDurably, WriteTables
from tonearm.transforms.tagging.analysis import Outcome

BACKFILL_SHARDS = 8
"""A backfill's tracks are gathered in so many places at once; more would make small files of few tracks."""


class TagBackfill(beam.PTransform):
    """Locations to tables that are committed once everything is written.

    The commit is part of the graph, so a job needs nobody to wait for it. It may be repeated, as every write
    may.
    """

    def __init__(
        self,
        settings: AnalysisSettings,
        tagger: Tagger,
        output: Output,
        provenance: Provenance,
        ledger_output: str | None,
    ) -> None:
        """Set up the graph.

        Args:
            settings: How tracks are analysed.
            tagger: What tags them.
            output: The tables.
            provenance: What all rows have in common; its run names what waits for the commit.
            ledger_output: Output whose tables tell what is done; None to do everything again.
        """
        super().__init__()
        self._analyze = AnalyzeTracks(settings, tagger.front_end)
        self._list = ListPending(ledger_output, tagger.identity)
        self._output = output
        self._provenance = provenance

    def expand(self, locations: beam.PCollection[str]) -> beam.PCollection[None]:
        """Return one element, after the commit."""
        run = self._provenance.run_id
        writer = self._output.backfill_writer(run)
        outcomes: beam.PCollection[Outcome] = (
            locations
            | "List" >> beam.ParDo(self._list).with_output_types(Arrival)
            | "Spread" >> beam.Reshuffle()
            | "Analyze" >> self._analyze
        )
        return (
            outcomes
            | "Write" >> WriteTables(GatherDurably(shards=BACKFILL_SHARDS), writer, self._provenance)
            | "When all is written" >> beam.CombineGlobally(sum)
            | "Commit" >> beam.Map(_commit, self._output, run)
        )


def _commit(tracks: int, output: Output, run: str) -> None:
    output.commit(run)
