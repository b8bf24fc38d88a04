"""The clips of the linear probe, which is held against the tagger."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from tonearm.learning.labelled.track import LabelledTrack, Split

_EVERY = {Split.TRAIN: 10, Split.VALIDATION: 2, Split.TEST: 2}
"""None a multiple of three: drums play in every third clip."""


def probed(tracks: Sequence[LabelledTrack]) -> Iterator[LabelledTrack]:
    """Some of the clips, of each part alike: the embedded tagger is slow, and a probe learns from few."""
    seen: Counter[tuple[Split | None, str]] = Counter()
    for track in tracks:
        kind = track.split, track.metadata["part_by_polyphony"]
        seen[kind] += 1
        if seen[kind] % _EVERY[track.split or Split.TRAIN] == 0:
            yield track
