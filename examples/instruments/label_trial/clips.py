"""The clips of the trial: embeddings by the embedded tagger, true labels, groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from examples.instruments.music.programs import DRUMS, INSTRUMENTS
from tonearm.learning.labelled.reading import read_labelled
from tonearm.learning.labelled.track import LabelledTrack, Split
from tonearm.transforms.tables.schemas import Row
from tonearm.transforms.tables.stored_rows import table_rows

LABELS = tuple(sorted([*(instrument.label for instrument in INSTRUMENTS), DRUMS]))


@dataclass(frozen=True, slots=True)
class Clips:
    """Clips of one split.

    Attributes:
        rows: Their rows in ``track_tags``, as the embedded tagger tagged them.
        embeddings: float32 [clips, dim].
        truths: int8 [clips, labels]: 1 it holds, -1 it does not.
        pieces: Of each clip; those of one piece are alike.
    """

    rows: Sequence[Row]
    embeddings: npt.NDArray[np.float32]
    truths: npt.NDArray[np.int8]
    pieces: Sequence[str]


def read_clips(manifest: str, tables: str, split: Split) -> Clips:
    """The clips of a split, ordered by id.

    Args:
        manifest: Their labelled manifest.
        tables: What ``tonearm ingest`` made of it.
        split: Which ones.
    """
    tracks = {
        track.track_id: track
        for track in read_labelled(manifest)
        if isinstance(track, LabelledTrack) and track.split is split
    }
    vectors = {row["track_id"]: row["vector"] for row in table_rows(tables, "embeddings")}
    rows = {row["track_id"]: row for row in table_rows(tables, "track_tags") if row["track_id"] in tracks}
    ids = sorted(rows)
    return Clips(
        [rows[each] for each in ids],
        np.array([vectors[each] for each in ids], np.float32),
        np.array([[tracks[each].labels.value_of(label) for label in LABELS] for each in ids], np.int8),
        [tracks[each].group for each in ids],
    )
