"""The graph of a data set: numbers of shards in, the shards' files and tallies written.

Nothing but numbers is shuffled: a worker reads from the plan which tracks a shard has, decodes them as
ingestion does, and writes them one after the other, so no patch waits in memory for a shuffle.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from importlib.metadata import version

import apache_beam as beam
import numpy as np

from tonearm.learning.building.failures import FailedTrack
from tonearm.learning.building.plan_file import read_planned_shard
from tonearm.learning.building.planning import PlannedShard, PlannedTrack
from tonearm.learning.building.rules import BuildRules, evenly_spread
from tonearm.learning.building.tallies import (
    ShardTally,
    WrittenTrack,
    read_tally,
    tally_name,
    write_tally,
)
from tonearm.learning.datasets.track import DatasetTrack
from tonearm.learning.datasets.writing import write_shard
from tonearm.models.front_end import FrontEnd
from tonearm.transforms.elements.arrival import Arrival
from tonearm.transforms.elements.failure import Failure
from tonearm.transforms.elements.input_kind import InputKind
from tonearm.transforms.elements.settings import AnalysisSettings
from tonearm.transforms.elements.track import Track
from tonearm.transforms.features.prepare import PrepareTracks, prepare_track
from tonearm.transforms.features.prepared import PreparedTrack
from tonearm.transforms.storage.contract import StorageError
from tonearm.transforms.storage.fetch import fetch_error
from tonearm.transforms.storage.objects import joined
from tonearm.transforms.storage.schemes import look_up, normal_location
from tonearm.transforms.tables.contract import NoteBoard
from tonearm.transforms.tables.holding.keep_hold import KeepHold
from tonearm.transforms.tagging.counting import LIVE


@dataclass(frozen=True, slots=True)
class ShardWork:
    """What the workers of a build need to know; pickled to where the graph runs.

    Attributes:
        location: The data set.
        plan: The file of the plan.
        front_end: What makes the patches.
        labels: The vocabulary.
        rules: Those of the build.
        run_id: The build that holds the data set's folder.
        boards: Where that is noted, for the workers of a cluster to keep it; none on one machine, where the
            command does.
    """

    location: str
    plan: str
    front_end: FrontEnd
    labels: Sequence[str]
    rules: BuildRules
    run_id: str
    boards: Sequence[NoteBoard]


class BuildShards(beam.PTransform):
    """Numbers of shards to shards that are written."""

    def __init__(self, work: ShardWork) -> None:
        super().__init__()
        self._work = work

    def expand(self, numbers: beam.PCollection[int]) -> beam.PCollection[int]:
        """Return the number of tracks in each."""
        spread = numbers | "Spread" >> beam.Reshuffle()
        if self._work.boards:
            keep = KeepHold(self._work.boards, self._work.run_id)
            spread |= "Hold" >> beam.ParDo(keep).with_output_types(int)
        return spread | "Write" >> beam.ParDo(WriteShards(self._work)).with_output_types(int)


class WriteShards(beam.DoFn):
    """Writes shards by their numbers, and keeps those that an earlier build has written of the same audio."""

    def __init__(self, work: ShardWork) -> None:
        self._work = work
        rules = work.rules
        settings = AnalysisSettings(max_track_bytes=rules.max_track_bytes, decoder=rules.decoder)
        self._prepare = PrepareTracks(settings, work.front_end, {InputKind.AUDIO: prepare_track})

    def setup(self) -> None:
        """Prepare tracks as ingestion does."""
        self._prepare.setup()

    def process(self, number: int) -> Iterator[int]:
        """Write a shard; yields how many tracks it has.

        Raises:
            StorageError: It cannot be written.
            MachineError: No decoder process can be started here.
        """
        work = self._work
        shard = read_planned_shard(work.plan, number)
        arrivals = [_looked_up(track) for track in shard.tracks]
        generations = [each.generation if isinstance(each, Track) else "" for each in arrivals]
        name = tally_name(shard, work.front_end, work.labels, work.rules, version("tonearm"))
        tally = read_tally(work.location, name)
        if tally is None or not _is_kept(tally, generations, work.location):
            tally = self._written(shard, arrivals, generations)
            write_tally(work.location, name, tally)
        else:
            LIVE.skip(len(arrivals))
        yield len(tally.written)

    def _written(
        self, shard: PlannedShard, arrivals: Sequence[Arrival], generations: Sequence[str]
    ) -> ShardTally:
        work, written, failed = self._work, [], []

        def tracks() -> Iterator[DatasetTrack]:
            for planned, arrival in zip(shard.tracks, arrivals, strict=True):
                outcome = self._outcome(arrival)
                LIVE.add(failed=isinstance(outcome, Failure))
                if isinstance(outcome, Failure):
                    failed.append(_failed(planned, outcome))
                    continue
                track = _dataset_track(planned, outcome, work.rules.patches_per_track)
                written.append(WrittenTrack(track.track_id, track.content_sha256, track.duration_s))
                yield track

        entry = write_shard(work.location, shard.split, tracks(), work.front_end, work.labels)
        return ShardTally(generations, entry, written, failed)

    def _outcome(self, arrival: Arrival) -> PreparedTrack | Failure:
        (outcome,) = self._prepare.process(arrival)
        return outcome.value if isinstance(outcome, beam.pvalue.TaggedOutput) else outcome


def _looked_up(planned: PlannedTrack) -> Arrival:
    """The track at the generation that its audio has now, or why that cannot be told."""
    track = Track(planned.track_id, normal_location(planned.uri), named=True)
    try:
        found = look_up(track.uri)
    except StorageError as error:
        return Failure.of(track, fetch_error(error))
    return Track(track.track_id, track.uri, found.generation, found.size_bytes, named=True)


def _is_kept(tally: ShardTally, generations: Sequence[str], location: str) -> bool:
    """True if a shard need not be written again: of the same audio nothing failed that may do now."""
    if list(tally.generations) != list(generations) or any(each.retriable for each in tally.failed):
        return False
    if tally.shard is None:
        return True
    try:
        found = look_up(joined(location, tally.shard.split, tally.shard.name))
    except StorageError:
        return False
    return found.size_bytes == tally.shard.size_bytes


def _dataset_track(planned: PlannedTrack, prepared: PreparedTrack, patches: int) -> DatasetTrack:
    spectrogram, facts = prepared.spectrogram, prepared.facts
    kept = evenly_spread(len(spectrogram.patches), patches)
    return DatasetTrack(
        track_id=planned.track_id,
        uri=planned.place,
        group=planned.group,
        labels=np.array(planned.labels, np.int8),
        content_sha256=facts.content_sha256,
        licence=planned.licence,
        manifest=planned.manifest,
        manifest_row=planned.manifest_row,
        metadata=planned.metadata,
        codec=facts.codec,
        duration_s=facts.decoded_s,
        truncated=facts.truncated,
        starts_s=spectrogram.starts_s[kept],
        patches=spectrogram.patches[kept],
    )


def _failed(planned: PlannedTrack, failure: Failure) -> FailedTrack:
    return FailedTrack(
        track_id=planned.track_id,
        uri=planned.place,
        manifest=planned.manifest,
        manifest_row=planned.manifest_row,
        stage=failure.stage,
        error=failure.error,
        message=failure.message,
        retriable=failure.retriable,
    )
