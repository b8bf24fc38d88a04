"""Chooses the tracks to label next: those that stand for many others of which the tagger is unsure.

Facility location chooses them: each track counts by how unsure the tagger is of it, and is stood for by the
most similar one that is chosen or labelled already. Of a large catalog a sample stands for all. To take the
most uncertain tracks themselves is no good guide: measured, they taught less than tracks drawn at random
(docs/learning.md).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np

from tonearm.learning.next_labels.asked import AskedTracks
from tonearm.learning.next_labels.catalog import (
    ScoredTrack,
    Survey,
    embeddings_of,
    survey,
    tracks_to_weigh,
)
from tonearm.learning.next_labels.coverage import Vectors, alike, standing_for_others
from tonearm.learning.next_labels.pool import Pool
from tonearm.learning.next_labels.uncertainty import WantedTags

_POOL_PER_TRACK = 20
_SMALLEST_POOL, _LARGEST_POOL = 5_000, 20_000
"""Tracks of the sample; the embeddings of 20,000 take 32 MB, and choosing among them half a minute."""

_GROUP_SHARE = 20
"""No group gets more than one track in so many, as labels of one artist tell little of others."""


@dataclass(frozen=True, slots=True)
class LabelRequest:
    """What labels are asked for.

    Attributes:
        output: Where the tables lie.
        tagger: ``name@version``, whose rows count.
        count: How many tracks.
        wanted: Which tags.
        asked: Tracks that were asked for before.
    """

    output: str
    tagger: str
    count: int
    wanted: WantedTags
    asked: AskedTracks


@dataclass(frozen=True, slots=True)
class LabelChoice:
    """What was chosen.

    Attributes:
        tracks: The one first that tells most; fewer than were asked for if there are no more.
        catalog: Tracks of the tagger's rows.
        asked: Of these, those that were asked for before.
        lacks_embeddings: True if some could not be chosen, as the tables lack their embeddings.
    """

    tracks: Sequence[ScoredTrack]
    catalog: int
    asked: int
    lacks_embeddings: bool


def choose_tracks(request: LabelRequest) -> LabelChoice:
    """Choose the tracks to label next; the same tables give the same tracks.

    Raises:
        WrongCallError: The tagger has no such tag.
        OutputError: The tables cannot be read.
    """
    surveyed = survey(request.output, request.tagger, request.asked, request.wanted)
    sample = _sample(request, surveyed)
    embeddings = embeddings_of(
        request.output, request.tagger, [*(track.key for track, _ in sample), *surveyed.asked_keys]
    )
    embedded = [(track, weight) for track, weight in sample if track.key in embeddings]
    labelled = [embeddings[key] for key in sorted(surveyed.asked_keys) if key in embeddings]
    chosen = _chosen(embedded, [embeddings[track.key] for track, _ in embedded], labelled, request.count)
    lacks = len(embedded) < len(sample)
    return LabelChoice(chosen, len(surveyed.latest), len(surveyed.asked_ids), lacks_embeddings=lacks)


def _sample(request: LabelRequest, surveyed: Survey) -> list[tuple[ScoredTrack, float]]:
    wished = min(max(_POOL_PER_TRACK * request.count, _SMALLEST_POOL), _LARGEST_POOL)
    pool: Pool[ScoredTrack] = Pool(max(wished, 2 * request.count))
    for track in tracks_to_weigh(request.output, request.tagger, surveyed, request.wanted):
        pool.offer(track.track_id, track.uncertainty, track)
    return pool.members()


def _chosen(
    sample: Sequence[tuple[ScoredTrack, float]],
    vectors: Sequence[Vectors],
    labelled: Sequence[Vectors],
    count: int,
) -> list[ScoredTrack]:
    """The tracks that stand for most; no audio twice, and few of a group unless there are no others."""
    if not sample:
        return []
    of_sample = np.stack(vectors)
    places, covered = alike(of_sample, np.stack(labelled) if labelled else of_sample[:0])
    weights = np.array([weight for _, weight in sample], np.float32)
    taken = _Taken([track for track, _ in sample])
    for most_of_group in (-(-count // _GROUP_SHARE), count):
        standing = np.concatenate([covered, places[taken.places]])
        for place in standing_for_others(places, weights, standing, taken.may_follow(most_of_group)):
            taken.add(place)
            if len(taken.places) == count:
                break
        if len(taken.places) == count:
            break
    return [sample[place][0] for place in taken.places]


@dataclass(slots=True)
class _Taken:
    """Which tracks are taken, and which may still be."""

    tracks: Sequence[ScoredTrack]
    places: list[int] = field(default_factory=list)
    _groups: Counter[str] = field(default_factory=Counter)
    _heard: set[str] = field(default_factory=set)

    def add(self, place: int) -> None:
        """Take a track."""
        self.places.append(place)
        self._groups[self.tracks[place].group] += 1
        self._heard.update(filter(None, [self.tracks[place].content_sha256]))

    def may_follow(self, most_of_group: int) -> Callable[[int], bool]:
        """What says whether a track may be taken: its audio is new, and few of its group are taken."""

        def says(place: int) -> bool:
            track = self.tracks[place]
            is_one_too_many = bool(track.group) and self._groups[track.group] >= most_of_group
            return track.content_sha256 not in self._heard and not is_one_too_many

        return says
