"""The sink of a cluster's batch run: each track is published once, though the job begin again and again."""

from __future__ import annotations

from array import array
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence

import apache_beam as beam
import numpy as np
from apache_beam.metrics import Metrics

from tonearm.transforms.elements.failure import Failure
from tonearm.transforms.elements.stage_times import NAMESPACE, StageTimes
from tonearm.transforms.tables.contract import BehindError, Journal, Output
from tonearm.transforms.tables.ledger import digest_of, is_among
from tonearm.transforms.tables.publishing.stream import announced
from tonearm.transforms.tables.rows import Provenance
from tonearm.transforms.tables.sink import FileBatchWriter, count_bytes, count_rows, numbers_of
from tonearm.transforms.tagging.analysis import Outcome
from tonearm.transforms.tagging.counting import FAILED_AS


class PublishBackfill(beam.PTransform):
    """Publishes outcomes in the tables of an output that has journals.

    A job that begins again, whole or in part, has forgotten what it published, and gathers what comes again
    otherwise. The journals of its shards tell what that was. It is left out, and counted as what it is in the
    tables.

    Args:
        gather: Makes file batches: ``GatherByShard``.
        output: The tables. Where rows replace each other they are written before, and perhaps twice.
        provenance: What all rows have in common.
        require_hold: Raises if the run holds the output no longer.
    """

    def __init__(
        self,
        gather: beam.PTransform,
        output: Output,
        provenance: Provenance,
        require_hold: Callable[[], None],
    ) -> None:
        super().__init__()
        self._gather = gather
        self._publish = _PublishFileBatch(output, provenance, require_hold)

    def expand(self, outcomes: beam.PCollection[Outcome]) -> beam.PCollection[Counter[str]]:
        """Return how many rows of each table a file batch has, once it is published."""
        return outcomes | self._gather | "Publish" >> beam.ParDo(self._publish)


class _Elsewhere:
    """What of a shard was published by others than this worker since it was given the shard.

    Attributes:
        published: How many file batches of the shard are known to be published, by whomever.
    """

    def __init__(self) -> None:
        self.published = 0
        self._tagged = np.empty(0, np.uint64)
        self._failed: dict[int, str] = {}

    def catch_up(self, journal: Journal, published: int) -> None:
        """Learn which tracks are in the file batches that others published: 8 bytes a track in memory."""
        tagged = array("Q", self._tagged.tobytes())
        for track, word in journal.outcomes_after(self.published):
            if word:
                self._failed[digest_of(*track)] = word
            else:
                tagged.append(digest_of(*track))
        self._tagged = np.sort(np.array(tagged, np.uint64))
        self.published = published

    def published_as(self, outcome: Outcome) -> str | None:
        """What a track is in the tables: a failure's word, empty if it is tagged, None if it is not there."""
        digest = digest_of(*announced(outcome))
        return "" if is_among(digest, self._tagged) else self._failed.get(digest)


class _PublishFileBatch(beam.DoFn):
    def __init__(self, output: Output, provenance: Provenance, require_hold: Callable[[], None]) -> None:
        self._output = output
        self._writer = FileBatchWriter(output.backfill_writer(provenance.run_id), provenance)
        self._run_id = provenance.run_id
        self._require_hold = require_hold
        self._shards: dict[int, _Elsewhere] = {}

    def start_bundle(self) -> None:
        """Forget all: what comes now may be what came before, of a job that has begun again."""
        self._shards = {}

    def process(self, keyed: tuple[int, Iterable[Outcome]]) -> Iterator[Counter[str]]:
        shard, gathered = keyed
        times = StageTimes()
        with times.measure("write"):
            rows = self._publish(shard, self._writer.write(list(gathered)))
        times.report()
        count_rows(rows)
        yield rows

    def _publish(self, shard: int, batch: Sequence[Outcome]) -> Counter[str]:
        """Publish a file batch without what is published already; return the rows of all of it."""
        journal = self._output.backfill_journal(self._run_id, shard, self._require_hold)
        assert journal is not None  # or the graph has another sink
        elsewhere = self._shards.setdefault(shard, _Elsewhere())
        rows: Counter[str] = Counter()
        while True:
            batch, rows_elsewhere = self._without_published(batch, elsewhere)
            rows += rows_elsewhere
            if not batch:
                return rows
            tables = self._writer.rows_of(batch)
            try:
                count_bytes(journal.publish(tables, elsewhere.published))
            except BehindError as behind:
                elsewhere.catch_up(journal, behind.published)
            else:
                elsewhere.published += 1
                return rows + numbers_of(tables)

    def _without_published(
        self, batch: Sequence[Outcome], elsewhere: _Elsewhere
    ) -> tuple[list[Outcome], Counter[str]]:
        """Leave out what was published elsewhere; return the rest, and the rows of what was left out."""
        left: list[Outcome] = []
        rows: Counter[str] = Counter()
        for outcome in batch:
            word = elsewhere.published_as(outcome)
            if word is None:
                left.append(outcome)
            elif word == _word_of(outcome):
                rows += numbers_of(self._writer.rows_of([outcome]))
            else:
                rows["failures" if word else "track_tags"] += 1
                _count(_word_of(outcome), -1)
                _count(word, 1)
        return left, rows


def _word_of(outcome: Outcome) -> str:
    """The word of a failure, empty if it is none."""
    return outcome.error if isinstance(outcome, Failure) else ""


def _count(word: str, tracks: int) -> None:
    """Correct the counts of outcomes: a track that failed this time may not have failed before."""
    Metrics.counter(NAMESPACE, "failed" if word else "tagged").inc(tracks)
    if word:
        Metrics.counter(NAMESPACE, f"{FAILED_AS}{word}").inc(tracks)
