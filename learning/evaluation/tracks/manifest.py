"""Scores of a labelled manifest's tracks: their audio is fetched, decoded and scored as ingestion does it.

Only tracks with consent are opened, and nothing of their audio is kept.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from functools import partial

import torch

from tonearm.errors import WrongCallError
from tonearm.learning.evaluation.tracks.judged import FailedTrack, Judged, JudgedTrack, OnTrack
from tonearm.learning.evaluation.tracks.scoring import Scorer, TrackScores
from tonearm.learning.evaluation.tracks.workers import in_order, worker_count
from tonearm.learning.labelled.consent import consent_of
from tonearm.learning.labelled.reading import read_labelled
from tonearm.learning.labelled.track import BadRow, LabelledTrack, Split
from tonearm.models.bundles.tagger import Tagger
from tonearm.transforms.audio.isolation.isolated_reader import require_decoder, start_decoders
from tonearm.transforms.elements.decoder_choice import DecoderChoice
from tonearm.transforms.elements.failure import TrackError
from tonearm.transforms.elements.settings import AnalysisSettings
from tonearm.transforms.elements.stage_times import StageTimes
from tonearm.transforms.elements.track import Track
from tonearm.transforms.features.prepare import prepare_track
from tonearm.transforms.features.prepared import PreparedTrack
from tonearm.transforms.storage.contract import StorageError
from tonearm.transforms.storage.fetch import fetch_error
from tonearm.transforms.storage.schemes import look_up

_NO_CONSENT = "no consent, or another row names the file without one"
_OTHER_SPLIT = "another part of the set"
_UNUSABLE = "a row that cannot be used"


class ManifestTracks:
    """The tracks of a labelled manifest that are asked for; see ``evaluation.JudgedSet``.

    Args:
        location: Path or URL of the manifest.
        split: The part that is asked for. If no row names a part, all rows are.

    Attributes:
        labels: All labels that these tracks' rows name.
        columns: Their further columns.
        digest: SHA-256 of what these rows say, in hex, in whatever file they stand.

    Raises:
        ManifestError: It is no labelled manifest.
        WrongCallError: No track is left.
    """

    kind = "manifest"

    def __init__(self, location: str, split: Split) -> None:
        rows = list(read_labelled(location))
        tracks = [row for row in rows if isinstance(row, LabelledTrack)]
        wanted = tracks
        if any(track.split for track in tracks):
            wanted = [track for track in tracks if track.split is split]
        may_be_opened = {id(track) for track in consent_of(rows).given}
        self._tracks = [track for track in wanted if id(track) in may_be_opened]
        self._left_out = {
            _UNUSABLE: sum(isinstance(row, BadRow) for row in rows),
            _OTHER_SPLIT: len(tracks) - len(wanted),
            _NO_CONSENT: len(wanted) - len(self._tracks),
        }
        if not self._tracks:
            raise WrongCallError(_nothing_left(location, split, self._left_out))
        self.columns = frozenset(name for track in self._tracks for name in track.metadata)
        self.labels = tuple(sorted({label for track in self._tracks for label in track.labels.named}))
        said = [[track.track_id, track.group, track.split, track.labels.values] for track in self._tracks]
        self.digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode()).hexdigest()

    def require_front_end(self, tagger: Tagger) -> None:
        """Audio is at hand: every tagger hears it through its own front end."""

    def judge(self, scorers: Sequence[Scorer], on_track: OnTrack) -> Judged:
        """Read and score all of them, on all cores.

        Args:
            scorers: Those whose scores are wanted; each gets patches of its own front end.
            on_track: Told of each track.

        Raises:
            MachineError: No decoder can be started.
        """
        workers = min(worker_count(), len(self._tracks))
        torch.set_num_threads(1)  # each worker has a core
        start_decoders(workers)
        require_decoder(DecoderChoice.FFMPEG_AND_LIBSNDFILE)
        judged = Judged()
        for reason, count in self._left_out.items():
            judged.leave_out(reason, count)
        judge = partial(_judge, scorers=scorers, labels=self.labels)
        for done, outcome in enumerate(in_order(judge, self._tracks, workers), start=1):
            judged.add(outcome)
            on_track(done, len(self._tracks), len(judged.failures))
        return judged


def _judge(
    track: LabelledTrack, scorers: Sequence[Scorer], labels: Sequence[str]
) -> JudgedTrack | FailedTrack:
    try:
        prepared, scores = _scored(_asked(track), scorers)
    except TrackError as error:
        return FailedTrack(track.track_id, track.uri, str(error.stage), str(error.error), error.message)
    return JudgedTrack(
        track_id=track.track_id,
        uri=track.uri,
        group=track.group,
        split=str(track.split or ""),
        licence=track.licence,
        duration_s=prepared.facts.decoded_s,
        codec=prepared.facts.codec,
        metadata=track.metadata,
        truths={label: track.labels.value_of(label) for label in labels},
        scores=scores,
    )


def _scored(track: Track, scorers: Sequence[Scorer]) -> tuple[PreparedTrack, tuple[TrackScores, ...]]:
    """Patches are made once for each front end, and let go before those of the next are made."""
    by_front_end = {scorer.tagger.front_end.fingerprint: scorer.tagger.front_end for scorer in scorers}
    scores: dict[str, TrackScores] = {}
    for fingerprint, front_end in by_front_end.items():
        prepared = prepare_track(track, AnalysisSettings(), front_end, StageTimes())
        for scorer in scorers:
            if scorer.tagger.front_end.fingerprint == fingerprint:
                scores[scorer.tagger.bundle_hash] = scorer.score(prepared.spectrogram.patches)
    return prepared, tuple(scores[scorer.tagger.bundle_hash] for scorer in scorers)


def _asked(track: LabelledTrack) -> Track:
    """The track as ingestion asks for it.

    Raises:
        TrackError: It cannot be looked at.
    """
    try:
        found = look_up(track.uri)
    except StorageError as error:
        raise fetch_error(error) from error
    return Track(track.track_id, track.uri, found.generation, found.size_bytes, named=True)


def _nothing_left(location: str, split: Split, left_out: dict[str, int]) -> str:
    counts = "; ".join(f"{reason}: {count}" for reason, count in left_out.items() if count) or "it has no row"
    return (
        f"{location}: no track is left to judge by ({counts}). Tracks need training_opt_in = true; "
        f"--split names the part that is asked for, now {split}"
    )
