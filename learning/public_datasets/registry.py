"""The registry of data sets, and how one is imported."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tonearm.learning.labelled.track import LabelledTrack
from tonearm.learning.public_datasets.contract import (
    PublicDataset,
    PublicDatasetError,
    Remark,
    require_folder,
)
from tonearm.learning.public_datasets.fma import FMA
from tonearm.learning.public_datasets.gtzan import GTZAN
from tonearm.learning.public_datasets.magnatagatune import MAGNATAGATUNE
from tonearm.learning.public_datasets.mtg_jamendo import MTG_JAMENDO
from tonearm.learning.public_datasets.nsynth import NSYNTH
from tonearm.learning.public_datasets.openmic import OPENMIC
from tonearm.transforms.sources.manifests.contract import row_of

PUBLIC_DATASETS: dict[str, PublicDataset] = {
    each.name: each for each in (MAGNATAGATUNE, MTG_JAMENDO, GTZAN, FMA, OPENMIC, NSYNTH)
}
"""By the name that the command line has for them."""


@dataclass(frozen=True, slots=True)
class Import:
    """What came of reading a data set.

    Attributes:
        tracks: In the order of their ids.
        remarks: What is wrong, in the order in which it was found.
    """

    tracks: list[LabelledTrack]
    remarks: list[Remark]


def read_public_dataset(dataset: PublicDataset, root: Path) -> Import:
    """Read a data set from the folder that it was unpacked to; no audio is opened.

    Raises:
        PublicDatasetError: It is not there, or none of its tracks can be used.
    """
    require_folder(root)
    tracks: dict[str, LabelledTrack] = {}
    remarks = []
    try:
        for each in dataset.read(root):
            if isinstance(each, Remark):
                remarks.append(each)
            elif each.track_id in tracks:
                remarks.append(Remark(str(root), 0, each.track_id, "it is there twice; the first one counts"))
            elif problem := _unstorable(each):
                remarks.append(Remark(str(root), 0, "", problem))
            else:
                tracks[each.track_id] = each
    except OSError as error:
        raise PublicDatasetError(f"{error.filename or root} cannot be read: {error.strerror}") from error
    if not tracks:
        example = f": {remarks[0].place}: {remarks[0].text}" if remarks else ""
        raise PublicDatasetError(f"{root}: no track of {dataset.title} can be used{example}")
    return Import([tracks[track_id] for track_id in sorted(tracks)], remarks)


def _unstorable(track: LabelledTrack) -> str:
    """What of a track no manifest can hold; empty if all can be held."""
    texts = {
        "track_id": track.track_id,
        "uri": track.uri,
        "labels": track.labels.text,
        "group": track.group,
        "licence": track.licence,
    }
    return row_of(texts, uri_may_be_bytes=True).problem
