"""The sink of a cluster's stream: each track is published once, whatever the cluster does again."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import apache_beam as beam
from apache_beam.coders import StrUtf8Coder
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec

from tonearm.transforms.elements.readable import readable
from tonearm.transforms.elements.stage_times import StageTimes
from tonearm.transforms.storage.schemes import stored_uri
from tonearm.transforms.tables.contract import Announced, BehindError, Output
from tonearm.transforms.tables.rows import Provenance
from tonearm.transforms.tables.sink import FileBatchWriter, count_bytes, count_rows, numbers_of
from tonearm.transforms.tagging.analysis import Outcome

_PROGRESS = ReadModifyWriteStateSpec("progress", StrUtf8Coder())
_progress_state = beam.DoFn.StateParam(_PROGRESS)


class PublishTables(beam.PTransform):
    """Publishes outcomes in the tables of an output that has journals; readers see rows as they are written.

    What the guarantee rests on: a track goes to one shard, by its id; the shard's progress is state that the
    cluster keeps and sets back together with the input, so that what is written after a checkpoint comes
    again; and the shard's journal, which changes on the store's own condition only, tells a writer that was
    set back, or is not the only one, what is published already. It does not rest on durable shuffles, nor on
    a worker that was given up being dead.

    Args:
        gather: Makes file batches: ``GatherByShard``.
        output: The tables. Where rows replace each other they are written before, and perhaps twice.
        provenance: What all rows have in common; its run names the stream, unless state tells its name.
    """

    def __init__(self, gather: beam.PTransform, output: Output, provenance: Provenance) -> None:
        super().__init__()
        self._gather = gather
        self._publish = _PublishFileBatch(output, provenance)

    def expand(self, outcomes: beam.PCollection[Outcome]) -> beam.PCollection[Counter[str]]:
        """Return how many rows of each table a file batch has, once it is published."""
        return outcomes | self._gather | "Publish" >> beam.ParDo(self._publish)


@dataclass(frozen=True, slots=True)
class _Progress:
    """What a shard knows of what it has published.

    Attributes:
        line: Names the stream: its first run, over all restarts.
        published: So many file batches.
        elsewhere: Tracks that were published without this state knowing of it, and that will come again.
    """

    line: str
    published: int = 0
    elsewhere: frozenset[Announced] = frozenset()

    @classmethod
    def read(cls, text: str) -> _Progress:
        told = json.loads(text)
        return cls(told["line"], told["published"], frozenset(map(tuple, told["elsewhere"])))

    def text(self) -> str:
        told = {"line": self.line, "published": self.published, "elsewhere": sorted(self.elsewhere)}
        return json.dumps(told)


class _PublishFileBatch(beam.DoFn):
    def __init__(self, output: Output, provenance: Provenance) -> None:
        self._output = output
        self._writer = FileBatchWriter(output.stream_writer(), provenance)
        self._first_line = provenance.run_id

    def process(
        self,
        keyed: tuple[int, Iterable[Outcome]],
        state: Any = _progress_state,
    ) -> Iterator[Counter[str]]:
        shard, gathered = keyed
        text = state.read()
        progress = _Progress.read(text) if text else _Progress(self._first_line)
        times = StageTimes()
        with times.measure("write"):
            batch, progress = _without_published(list(gathered), progress)
            batch = self._writer.write(batch)
            rows, progress = self._publish(shard, batch, progress)
        times.report()
        state.write(progress.text())
        count_rows(rows)
        yield rows

    def _publish(
        self, shard: int, batch: list[Outcome], progress: _Progress
    ) -> tuple[Counter[str], _Progress]:
        """Publish a file batch without the tracks that turn out to be published already."""
        journal = self._output.journal(progress.line, shard)
        assert journal is not None  # or the graph has another sink
        while batch:
            rows = self._writer.rows_of(batch)
            try:
                count_bytes(journal.publish(rows, progress.published))
            except BehindError as behind:
                missed = frozenset(track for track, _ in journal.outcomes_after(progress.published))
                progress = replace(
                    progress, published=behind.published, elsewhere=progress.elsewhere | missed
                )
                batch, progress = _without_published(batch, progress)
            else:
                return numbers_of(rows), replace(progress, published=progress.published + 1)
        return Counter(), progress


def _without_published(batch: list[Outcome], progress: _Progress) -> tuple[list[Outcome], _Progress]:
    """Leave out what was published elsewhere, and expect it no more."""
    come_again = {announced(outcome) for outcome in batch} & progress.elsewhere
    left = [outcome for outcome in batch if announced(outcome) not in come_again]
    return left, replace(progress, elsewhere=progress.elsewhere - come_again)


def announced(outcome: Outcome) -> Announced:
    """How journals know an outcome's track."""
    track = outcome.track
    return readable(track.track_id), track.generation, stored_uri(track.uri)
