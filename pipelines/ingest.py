"""The ingest job: tags what an input names, or makes spectrograms of it, and writes the tables."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

import apache_beam as beam

from tonearm.errors import StoppedError, TonearmError, WrongCallError
from tonearm.models.bundles.tagger import Tagger
from tonearm.models.engines.shared import require_precision
from tonearm.pipelines.local.bounded_source import BoundedSource
from tonearm.pipelines.local.followed_root import FollowedRoot
from tonearm.pipelines.local.share_runner import ShareRunner
from tonearm.pipelines.local.shares import SharePlan, TrackSource
from tonearm.pipelines.local.stopping import stop_signals_answered
from tonearm.pipelines.local.stream_source import opened_stream
from tonearm.pipelines.local.turns import ShareWork, Turn, Turns
from tonearm.pipelines.reports.progress import progress_shown
from tonearm.pipelines.reports.summary import print_summary
from tonearm.pipelines.runs.beam_options import export_s3_options
from tonearm.pipelines.runs.bundles.changed_bundle import require_same_bundle, require_same_shadow
from tonearm.pipelines.runs.bundles.further_taggers import with_further_taggers
from tonearm.pipelines.runs.order import IngestOrder, new_record, new_run_id
from tonearm.pipelines.runs.record import RunRecord
from tonearm.pipelines.runs.retry import RetryInput, failed_tracks, retry_ledger
from tonearm.pipelines.runs.stream_input import StreamInput
from tonearm.pipelines.runs.telling_spectrograms import require_nothing_more_telling
from tonearm.pipelines.runs.thread_limit import require_threads, threads_of
from tonearm.transforms.elements.arrival import Arrival
from tonearm.transforms.elements.input_kind import InputKind
from tonearm.transforms.sources.listing import count_arrivals, require_usable, tracks_of
from tonearm.transforms.sources.pending import pending_tracks
from tonearm.transforms.sources.spectrogram_files import in_spectrogram_files
from tonearm.transforms.spectrograms.read_errors import MOST_PATCH_BYTES
from tonearm.transforms.storage.signed_url import location_of
from tonearm.transforms.tables.contract import TableWriter
from tonearm.transforms.tables.holding.hold import held
from tonearm.transforms.tables.holding.holder import Holder
from tonearm.transforms.tables.ledger import Ledger
from tonearm.transforms.tables.outputs import output_at
from tonearm.transforms.tables.rows import Provenance
from tonearm.transforms.tagging.bundle_root import identities_in
from tonearm.transforms.tagging.counting import OnFailure
from tonearm.transforms.tagging.stored_tagger import named_tagger, stored_tagger

_logger = logging.getLogger(__name__)
_beam_logger = logging.getLogger("apache_beam.runners.common")
"""Logs each error of a step with a traceback. It is silenced, as the command reports the error once."""

_ONE_THREAD = ("--direct_num_workers=1", "--direct_running_mode=in_memory")
"""The workers of a local run are our threads; Beam needs none of its own."""


class UnseenInputError(TonearmError):
    """A cluster's workers see nothing of what the input names here: they have another disk."""


def ingest(order: IngestOrder) -> RunRecord:
    """Work an input: on this machine in shares, on a cluster in one graph; safe to kill and to run again.

    Returns:
        The run's counts; they reconcile.

    Raises:
        InputError: The input names nothing that there is.
        ManifestError: The manifest cannot be used.
        BundleError: The tagger cannot be loaded.
        ChangedBundleError: The tables were tagged by another bundle of the same name and version.
        PrecisionError: This machine lacks the precision.
        OutputInUseError: Another run is writing to the output.
        OutputError: An output cannot be written to.
        ListingError: The listing of the input broke off.
        WrongCallError: Spectrograms are asked for that nobody would read.
        SubscriptionError: The subscription cannot be used.
        UnseenInputError: A cluster's workers see nothing of the input.
        MachineError: The system does not allow the threads that the run needs.
        StoppedError: A signal ended the run before its input's end. It is how a stream ends, and no error.
    """
    export_s3_options(order.beam.flags)
    order.payer.export()
    named: Iterator[Arrival] = iter(())
    if isinstance(order.input, str):
        named = tracks_of(order.input, order.outputs, order.input_kind)
    elif isinstance(order.input, StreamInput):
        for location in filter(None, (order.input.watch, order.input.catch_up)):
            require_usable(location)
    named_as = named_tagger(order.settings.tagger)
    order = order.tagged_by(named_as.location, named_as.root)
    tagger = stored_tagger(named_as.location)
    if order.retag_on_promotion and not order.root:
        raise WrongCallError("--retag_on_promotion is for --tagger ROOT, a bundle root")
    order = replace(order, settings=with_further_taggers(order.settings, tagger))
    if order.spectrograms:
        _require_readable(order, tagger)
        require_nothing_more_telling(order.ledger_output, order.spectrograms)
    elif not order.retag:
        require_same_bundle(order.ledger_output, tagger)
        if canary := order.settings.canary:
            require_same_bundle(order.ledger_output, stored_tagger(canary.location))
        if shadow := order.settings.shadow:
            require_same_shadow(order.ledger_output, stored_tagger(shadow.location))
    if order.beam.is_local:
        require_precision(order.settings.precision)
        return _ingest_on_this_machine(order, tagger, named)
    from tonearm.pipelines.cluster.run import (
        ingest_on_cluster,
    )  # loaded here: a run on one machine needs none of it

    record = ingest_on_cluster(order, tagger)
    if record.ended and not record.seen and order.input_kind is InputKind.AUDIO and next(named, None):
        raise UnseenInputError(
            f"the cluster's workers found nothing at {location_of(str(order.input))}, where this machine "
            "finds tracks: they see another disk. Put the input where both see it, such as in a bucket"
        )
    return record


def _ingest_on_this_machine(order: IngestOrder, tagger: Tagger, named: Iterator[Arrival]) -> RunRecord:
    """Work in shares what the input names, whose listing has begun."""
    _beam_logger.setLevel(logging.CRITICAL)
    total = (
        count_arrivals(order.input, order.outputs, order.input_kind) if isinstance(order.input, str) else None
    )
    turns = _turns(order, tagger)
    first = turns.present.record
    output = output_at(order.outputs)
    workers = order.beam.workers or len(os.sched_getaffinity(0))
    plan = SharePlan.of(workers, order.wave_tracks, order.settings.decoder)
    require_threads(threads_of(plan.workers))
    flags = (*order.beam.flags, *_ONE_THREAD)
    holder = Holder.here(first.provenance.run_id, first.mode)
    with (
        stop_signals_answered() as signals,
        held(output, holder) as hold,
        _source(order, named, tagger, turns, plan) as source,
    ):
        runner = ShareRunner(source, output, hold, turns, plan, flags)
        signals.stop = runner.stop
        with progress_shown(lambda: turns.n_skipped, total):
            runner.run()
    for turn in turns:
        print_summary(turn.record, turn.stage_seconds, order.outputs)
    last = turns.present.record
    if turns.is_end_wanted and not signals.number:
        return ingest(order.of_root())
    if signals.number and not order.is_stream and last.seen != total:
        raise StoppedError(signals.number, " before the end of the input; what was in work is in the tables")
    return last


def _turns(order: IngestOrder, tagger: Tagger) -> Turns:
    """Who tags: one tagger, or those of the root that a stream follows, one after the other."""
    run_id, mode = new_run_id(), "streaming" if order.is_stream else "batch"

    def turn(tagger: Tagger, number: int) -> Turn:
        present = order.tagged_by(tagger.folder, order.root) if number > 1 else order
        id_of_turn = f"{run_id}-{number}" if number > 1 else run_id
        record = new_record(present, tagger, mode=mode, run_id=id_of_turn)
        return Turn(record, _work(present, tagger))

    if not order.follows_root:
        return Turns(turn(tagger, 1))
    root = FollowedRoot(order.root, tagger, order.ledger_output, turn)
    return Turns(turn(tagger, 1), root.next_turn, in_runs_of_their_own=order.retag_on_promotion)


def _require_readable(order: IngestOrder, tagger: Tagger) -> None:
    """Refuse to make spectrograms that nobody would read.

    Raises:
        WrongCallError: A long track's would be larger than a reader takes.
    """
    front_end = tagger.front_end
    most = MOST_PATCH_BYTES // (2 * front_end.patch_frames * front_end.mel_bands)
    if order.settings.max_patches > most:
        raise WrongCallError(
            f"--max_patches={order.settings.max_patches} makes spectrograms that `tonearm ingest` refuses as "
            f"too_large; at most {most} patches of this front end are read"
        )


def _work(order: IngestOrder, tagger: Tagger) -> ShareWork:
    """What becomes of the tracks of each share.

    The graphs are loaded with the first share: with them come torch and scipy, which take seconds, and a run
    with nothing to do needs neither.
    """
    wish = order.spectrograms

    def tagging(writer: TableWriter, provenance: Provenance, on_failure: OnFailure) -> beam.PTransform:
        from tonearm.pipelines.graphs.share import TagShare

        return TagShare(order.settings, tagger.front_end, writer, provenance, on_failure)

    def spectrograms(writer: TableWriter, provenance: Provenance, on_failure: OnFailure) -> beam.PTransform:
        from tonearm.pipelines.graphs.spectrograms import MakeSpectrograms

        assert wish is not None  # chosen below

        return MakeSpectrograms(order.settings, tagger.front_end, wish, writer, provenance, on_failure)

    return spectrograms if wish else tagging


def _ledger(order: IngestOrder, tagger: Tagger) -> Ledger:
    if order.spectrograms:
        return Ledger.read_spectrograms(order.ledger_output, tagger.front_end.fingerprint)
    taggers = {tagger.identity}
    if order.follows_root and not order.retag_on_promotion:
        taggers |= identities_in(order.root)  # a promotion by itself is no reason to tag a catalog anew
    return Ledger.read(order.ledger_output, *sorted(taggers), canary=order.settings.canary)


@contextmanager
def _source(
    order: IngestOrder, named: Iterator[Arrival], tagger: Tagger, turns: Turns, plan: SharePlan
) -> Iterator[TrackSource]:
    if isinstance(order.input, RetryInput):
        failed = failed_tracks(order.input, tagger.identity)
        pending = pending_tracks(failed, retry_ledger(order.input, tagger.identity), turns.skip)
        yield BoundedSource(pending, plan.wave_tracks)
        return
    ledger = None if order.retag else _ledger(order, tagger)
    if ledger:
        _tell_of_gaps(order, ledger, tagger)
    if isinstance(order.input, StreamInput):
        with opened_stream(
            order.input, ledger or Ledger(), turns.skip, plan, order.outputs, order.input_kind
        ) as stream:
            yield stream
    else:
        if order.input_kind is InputKind.SPECTROGRAM:
            named = in_spectrogram_files(named, turns.skip)
        pending = pending_tracks(named, ledger, turns.skip)
        yield BoundedSource(pending, plan.wave_tracks)


def _tell_of_gaps(order: IngestOrder, ledger: Ledger, tagger: Tagger) -> None:
    """Say loudly what one output lacks of what the other holds, as a new one does beside an old one."""
    for output in order.outputs[:-1]:
        if lacking := ledger.lacking_in(Ledger.read(output, tagger.identity, canary=order.settings.canary)):
            _logger.warning(
                "%s lacks %d tracks that %s holds, and this run does not add them, as they are tagged. "
                "To fill it, run the same command with --output %s alone",
                *(output, lacking, order.ledger_output, output),
            )
