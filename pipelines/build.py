"""The job that builds a data set of a labelled manifest: on this machine, or on a cluster."""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import TYPE_CHECKING

from tonearm.errors import StoppedError
from tonearm.learning.building.completion import complete, told_before
from tonearm.learning.building.folder import BuildFolder
from tonearm.learning.building.plan_file import write_plan
from tonearm.learning.building.planning import BuildPlan, plan_build
from tonearm.learning.building.rules import BuildRules
from tonearm.learning.building.tallies import BUILDING
from tonearm.learning.datasets.description import Description
from tonearm.learning.datasets.places import located_dataset
from tonearm.learning.datasets.reading import open_dataset
from tonearm.learning.datasets.track import DatasetError
from tonearm.learning.labelled.reading import read_labelled
from tonearm.learning.labelled.track import Split
from tonearm.models.front_end import FrontEnd
from tonearm.pipelines.local.stopping import stop_signals_answered
from tonearm.pipelines.reports.progress import progress_shown
from tonearm.pipelines.runs.beam_options import BeamOptions, export_s3_options
from tonearm.pipelines.runs.thread_limit import require_threads, threads_of
from tonearm.transforms.storage.objects import joined
from tonearm.transforms.storage.payer import Payer
from tonearm.transforms.tables.contract import NoteBoard
from tonearm.transforms.tables.holding.hold import held
from tonearm.transforms.tables.holding.holder import Holder

if TYPE_CHECKING:
    from tonearm.pipelines.graphs.dataset import ShardWork

_beam_logger = logging.getLogger("apache_beam.runners.common")
"""Logs each error of a step with a traceback. It is silenced, as the command reports the error once."""

_ONE_THREAD = ("--direct_num_workers=1", "--direct_running_mode=in_memory")
"""The workers of a local run are our threads; Beam needs none of its own."""


@dataclass(frozen=True, slots=True)
class BuildOrder:
    """One call of the job.

    Attributes:
        manifest: The labelled manifest.
        output: Folder or URL of the data set.
        front_end: What makes the patches.
        rules: What else is asked of the data set.
        max_failed_fraction: The largest share of the tracks that may fail.
        payer: Who pays for requests to buckets whose readers pay.
        beam: Options for Beam.
    """

    manifest: str
    output: str
    front_end: FrontEnd
    rules: BuildRules
    max_failed_fraction: float = 1.0
    payer: Payer = Payer()  # noqa: RUF009 - frozen
    beam: BeamOptions = field(default_factory=BeamOptions)


@dataclass(frozen=True, slots=True)
class BuiltDataset:
    """A data set that is whole.

    Attributes:
        location: Its folder or URL.
        description: What ``dataset.json`` says.
        was_there: True if an earlier call had built it already.
    """

    location: str
    description: Description
    was_there: bool


def build_dataset(order: BuildOrder) -> BuiltDataset:
    """Build a data set; safe to kill and to run again.

    All that the manifest and the options can be wrong in is found before a track is opened.

    Raises:
        ManifestError: The manifest cannot be used.
        NoConsentError: No track may be trained on.
        SplitError: The tracks cannot be split as asked, or the same audio is on both sides.
        VocabularyError: The labels cannot be learned.
        DatasetError: The folder holds something else.
        OutputInUseError: Another build is writing there.
        UnbuiltError: Too many tracks failed.
        WrongCallError: The cluster cannot build it.
        JobFailedError: The cluster gave up.
        MachineError: The system does not allow the threads that are needed.
        StoppedError: A signal ended it.
    """
    export_s3_options(order.beam.flags)
    order.payer.export()
    location = located_dataset(order.output)
    plan = plan_build(list(read_labelled(order.manifest)), order.manifest, order.front_end, order.rules)
    if built := _built_before(plan, location):
        _clear_up(location)
        return built
    if not order.beam.is_local:
        from tonearm.pipelines.cluster.dataset import require_seen_and_run

        audio = (track.uri for shard in plan.shards for track in shard.tracks)
        require_seen_and_run(order.beam.flags, [location, *audio])
    build = _build_on_this_machine if order.beam.is_local else _build_on_cluster
    return build(order, plan, location)


def _built_before(plan: BuildPlan, location: str) -> BuiltDataset | None:
    """The data set that lies there already, if it is the one that is asked for.

    Raises:
        DatasetError: It is another one, or its shards are not all there.
    """
    description = BuildFolder(location).description()
    if description is None:
        return None
    asked = told_before(plan)
    if other := [name for name, value in asked.items() if description.get(name) != value]:
        raise DatasetError(
            f"{location} holds data set {description['digest'][:12]}, which was built from other "
            f"{' and '.join(_IN_WORDS[name] for name in other)}: choose another --output, or delete it"
        )
    open_dataset(location, list(Split))
    return BuiltDataset(location, description, was_there=True)


def _clear_up(location: str) -> None:
    """Delete what a build has left that was killed when its data set was whole already."""
    folder = BuildFolder(location)
    if folder.has_leftovers():
        with held(folder, Holder.here(_run_id(), "batch")):
            folder.end_building()


_IN_WORDS = {
    "front_end": "settings of the front end",
    "labels": "labels",
    "labels_left_out": "counts of labels",
    "rules": "options",
    "manifest": "rows of the manifest",
}
"""What two builds may differ in, for people."""


def _build_on_this_machine(order: BuildOrder, plan: BuildPlan, location: str) -> BuiltDataset:
    from tonearm.pipelines.local.shard_builder import ShardBuilder  # with it comes torch, which takes seconds
    from tonearm.transforms.tagging.counting import LIVE

    _beam_logger.setLevel(logging.CRITICAL)
    workers = order.beam.workers or len(os.sched_getaffinity(0))
    require_threads(threads_of(workers))
    run_id = _run_id()
    with (
        stop_signals_answered() as signals,
        held(BuildFolder(location), Holder.here(run_id, "batch")) as hold,
    ):
        if built := _built_before(plan, location):
            return built
        work = _work(plan, location, run_id)
        builder = ShardBuilder(work, len(plan.shards), workers, (*order.beam.flags, *_ONE_THREAD))
        signals.stop = builder.stop
        with progress_shown(lambda: LIVE.n_skipped, plan.tracks):
            builder.run()
        if signals.number:
            raise StoppedError(signals.number, " before the data set was whole; the same command goes on")
        hold.require()
        return _completed(order, plan, location)


def _build_on_cluster(order: BuildOrder, plan: BuildPlan, location: str) -> BuiltDataset:
    from tonearm.pipelines.cluster.dataset import build_on_cluster
    from tonearm.pipelines.cluster.job import JobLeftError, JobOutOfSightError

    run_id = _run_id()
    with held(BuildFolder(location), Holder.here(run_id, "batch", outlives_process=True)) as hold:
        if built := _built_before(plan, location):
            return built
        try:
            work = _work(plan, location, run_id, BuildFolder(location).boards())
            build_on_cluster(work, len(plan.shards), order.beam.flags)
        except (JobLeftError, JobOutOfSightError):
            hold.leave()
            raise
        hold.require()
        return _completed(order, plan, location)


def _work(plan: BuildPlan, location: str, run_id: str, boards: Sequence[NoteBoard] = ()) -> ShardWork:
    """What the workers need to know; the plan itself they read from its file."""
    from tonearm.pipelines.graphs.dataset import ShardWork

    return ShardWork(
        location=location,
        plan=write_plan(joined(location, BUILDING), plan.shards),
        front_end=plan.front_end,
        labels=plan.vocabulary.labels,
        rules=plan.rules,
        run_id=run_id,
        boards=boards,
    )


def _completed(order: BuildOrder, plan: BuildPlan, location: str) -> BuiltDataset:
    description = complete(plan, location, version("tonearm"), order.max_failed_fraction)
    return BuiltDataset(location, description, was_there=False)


def _run_id() -> str:
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"
