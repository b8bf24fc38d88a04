"""Scores of the tracks of a built data set: from its patches, with no audio at hand."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import torch

from tonearm.errors import WrongCallError
from tonearm.learning.datasets.reading import Dataset, open_dataset, read_shard, require_unchanged
from tonearm.learning.datasets.track import DatasetTrack
from tonearm.learning.evaluation.tracks.judged import FailedTrack, Judged, JudgedTrack, OnTrack
from tonearm.learning.evaluation.tracks.scoring import Scorer
from tonearm.learning.evaluation.tracks.workers import in_order, worker_count
from tonearm.learning.labelled.labels import LabelValue
from tonearm.learning.labelled.track import Split
from tonearm.models.bundles.tagger import Tagger
from tonearm.transforms.elements.failure import TrackError


class DatasetTracks:
    """The tracks of one split of a built data set; see ``evaluation.JudgedSet``.

    Args:
        location: Folder or URL of the data set.
        split: The split; of the others no file is looked at.

    Attributes:
        labels: The data set's vocabulary.
        digest: The data set's name.
        columns: Not known before tracks are read.

    Raises:
        DatasetError: It cannot be used.
        WrongCallError: The split holds no track.
    """

    kind = "dataset"
    columns: frozenset[str] | None = None

    def __init__(self, location: str, split: Split) -> None:
        self._dataset: Dataset = open_dataset(location, [split])
        self._split = split
        self._shards = self._dataset.shards(split)
        self._total = sum(shard.entry.tracks for shard in self._shards)
        self.labels = self._dataset.labels
        self.digest = self._dataset.digest
        if not self._total:
            raise WrongCallError(f"{location} has no track in its split {split}; --split names another one")

    def require_front_end(self, tagger: Tagger) -> None:
        """Check that the patches are those that a tagger was trained for.

        Raises:
            WrongCallError: They are not.
        """
        if tagger.front_end.fingerprint != self._dataset.front_end.fingerprint:
            raise WrongCallError(
                f"the patches of {self._dataset.location} were made by the front end "
                f"{self._dataset.front_end.fingerprint}, and {tagger.identity} needs "
                f"{tagger.front_end.fingerprint}: judge it by the labelled manifest, whose audio each tagger "
                "hears through its own, or build a data set with `tonearm dataset build --tagger`"
            )

    def judge(self, scorers: Sequence[Scorer], on_track: OnTrack) -> Judged:
        """Score all of them, on all cores, shard after shard.

        Args:
            scorers: Those whose scores are wanted, of the data set's front end.
            on_track: Told of each track.

        Raises:
            DatasetError: A shard is damaged.
        """
        torch.set_num_threads(1)  # each worker has a core
        judge = partial(_judge, scorers=scorers, labels=self.labels, split=self._split)
        judged = Judged()
        for done, outcome in enumerate(in_order(judge, self._tracks(), worker_count()), start=1):
            judged.add(outcome)
            on_track(done, self._total, len(judged.failures))
        return judged

    def _tracks(self) -> Iterator[DatasetTrack]:
        for shard in self._shards:
            require_unchanged(shard.location, shard.entry)
            yield from read_shard(shard)


def _judge(
    track: DatasetTrack, scorers: Sequence[Scorer], labels: Sequence[str], split: Split
) -> JudgedTrack | FailedTrack:
    try:
        scores = tuple(scorer.score(track.patches) for scorer in scorers)
    except TrackError as error:
        return FailedTrack(track.track_id, track.uri, str(error.stage), str(error.error), error.message)
    return JudgedTrack(
        track_id=track.track_id,
        uri=track.uri,
        group=track.group,
        split=str(split),
        licence=track.licence,
        duration_s=track.duration_s,
        codec=track.codec,
        metadata=track.metadata,
        truths={label: LabelValue(value) for label, value in zip(labels, track.labels, strict=True)},
        scores=scores,
    )
