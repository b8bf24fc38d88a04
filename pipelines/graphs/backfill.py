"""The graph of a backfill on a cluster: it lists the input, publishes tracks, and commits at the end.

The cluster keeps the state, so there are no waves: rows are gathered by their number, and written.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

import apache_beam as beam

from tonearm.models.bundles.tagger import Tagger
from tonearm.pipelines.graphs.analyze import AnalyzeTracks
from tonearm.transforms.elements.arrival import Arrival
from tonearm.transforms.elements.input_kind import InputKind
from tonearm.transforms.elements.settings import AnalysisSettings
from tonearm.transforms.sources.pending import KeepPending, ListArrivals
from tonearm.transforms.sources.spectrogram_files import LookIntoFiles, OnceEach
from tonearm.transforms.tables.contract import NoteBoard, Output
from tonearm.transforms.tables.holding.hold import Hold
from tonearm.transforms.tables.holding.keep_hold import KeepHold, RequireHold
from tonearm.transforms.tables.publishing.backfill import PublishBackfill
from tonearm.transforms.tables.rows import Provenance
from tonearm.transforms.tables.sink import TRACKS_PER_FILE, GatherByShard, GatherDurably, WriteTables
from tonearm.transforms.tagging.analysis import Outcome
from tonearm.transforms.tagging.at_work import LoadPinned

BACKFILL_SHARDS = 8
"""How many gatherers a backfill has side by side; more would make many small files."""


_logger = logging.getLogger(__name__)


class TagBackfill(beam.PTransform):
    """Locations to tables that are whole once everything is written.

    The commit, of what waits for one, is part of the graph, so a job needs nobody to wait for it. It may be
    repeated, as every write may, until the run's hold on the output is given up.
    """

    def __init__(
        self,
        settings: AnalysisSettings,
        tagger: Tagger,
        output: Output,
        provenance: Provenance,
        outputs: Sequence[str],
        boards: Sequence[NoteBoard] = (),
        *,
        input_kind: InputKind = InputKind.AUDIO,
        retag: bool = False,
        network_hints: Mapping[str, str] | None = None,
    ) -> None:
        """Set up the graph.

        Args:
            settings: How tracks are analysed.
            tagger: What tags them, on all workers to the end.
            output: The tables.
            provenance: What all rows have in common; its run names what waits for the commit.
            outputs: Where the tables are; the last one tells what is done.
            boards: Where the run's hold on the output is noted, for the workers to keep it; none for a job
                that is only translated, and will be run by somebody else.
            input_kind: What tracks come as.
            retag: True to do everything again.
            network_hints: See :class:`AnalyzeTracks`.
        """
        super().__init__()
        self._analyze = AnalyzeTracks(
            settings, tagger.front_end, load=LoadPinned(tagger.bundle_hash), network_hints=network_hints
        )
        self._input_kind = input_kind
        self._list = ListArrivals(outputs, input_kind)
        self._keep = KeepPending(
            outputs[-1], tagger.identity, provenance.run_id, retag=retag, canary=settings.canary
        )
        self._output = output
        self._provenance = provenance
        self._boards = boards

    def expand(self, locations: beam.PCollection[str]) -> beam.PCollection[None]:
        """Return one element, after the commit."""
        run_id = self._provenance.run_id
        announced = (
            locations
            | "Hold while listing" >> self._held()
            | "List" >> beam.ParDo(self._list).with_output_types(Arrival)
            | "Spread" >> beam.Reshuffle()
        )
        if self._input_kind is InputKind.SPECTROGRAM:
            announced = (
                announced
                | "Look into files" >> beam.ParDo(LookIntoFiles()).with_output_types(Arrival)
                | "Once each" >> OnceEach()
            )
        outcomes: beam.PCollection[Outcome] = (
            announced
            | "Hold" >> self._held()
            | "Keep pending" >> beam.ParDo(self._keep).with_output_types(Arrival)
            | "Analyze" >> self._analyze
        )
        return (
            outcomes
            | "Write" >> written_once(self._output, self._provenance, RequireHold(self._boards, run_id))
            | "When all is written" >> beam.CombineGlobally(_sum_of_rows)
            | "Commit" >> beam.Map(_commit, self._output, run_id, self._boards)
        )

    def _held(self) -> beam.PTransform:
        return beam.ParDo(KeepHold(self._boards, self._provenance.run_id))


def written_once(output: Output, provenance: Provenance, require_hold: Callable[[], None]) -> beam.PTransform:
    """A batch run's way to the tables: gathered by count, and seen at the run's end at the latest."""
    if output.backfill_journal(provenance.run_id, 0, require_hold) is not None:
        gather = GatherByShard(TRACKS_PER_FILE, BACKFILL_SHARDS)
        return PublishBackfill(gather, output, provenance, require_hold)
    writer = output.backfill_writer(provenance.run_id)
    return WriteTables(GatherDurably(TRACKS_PER_FILE, shards=BACKFILL_SHARDS), writer, provenance)


def _sum_of_rows(batches: Iterable[Counter[str]]) -> Counter[str]:
    return sum(batches, Counter())


def _commit(rows: Counter[str], output: Output, run_id: str, boards: Sequence[NoteBoard]) -> None:
    hold = Hold.joined(boards, run_id)
    output.finish_backfill(run_id, rows)
    hold.release()
    try:
        output.discard(run_id)  # now that no worker can begin another journal
    except Exception as error:  # whatever a store raises: all is committed, and journals go with old runs
        _logger.warning("the run's journals stay for now: %s", error)
