"""The manifest that people fill in: the chosen tracks, what the tagger thinks, labels and consent blank."""

from __future__ import annotations

from collections.abc import Sequence

from tonearm.errors import TonearmError
from tonearm.learning.labelled.labels import Labels
from tonearm.learning.labelled.reading import COLUMNS, column_meant
from tonearm.learning.labelled.track import LabelledTrack
from tonearm.learning.labelled.writing import labelled_content
from tonearm.learning.next_labels.asked import next_manifest
from tonearm.learning.next_labels.catalog import ScoredTrack
from tonearm.transforms.storage.objects import write_if_absent

_LICENCES = ("licence", "license")


class AskedAtOnceError(TonearmError):
    """Somebody else asked for labels in the same folder at the same time."""


def write_sheet(folder: str, earlier: Sequence[str], tracks: Sequence[ScoredTrack], tagger: str) -> str:
    """Write the manifest beside those of earlier calls, whole or not at all.

    Args:
        folder: Where manifests of this kind lie; made if it is missing.
        earlier: Those that are there.
        tracks: In the order of the rows.
        tagger: ``name@version``.

    Returns:
        Where it is.

    Raises:
        AskedAtOnceError: There is another one of this number meanwhile.
        StorageError: It cannot be written.
    """
    location = next_manifest(folder, earlier)
    content = labelled_content([_row(track, tagger) for track in tracks], location)
    if write_if_absent(location, content) is None:
        raise AskedAtOnceError(
            f"{location} was written meanwhile, maybe with the same tracks; the same call asks for others"
        )
    return location


def _row(track: ScoredTrack, tagger: str) -> LabelledTrack:
    """A row to fill in. Of the catalog's columns those are not copied that mean something in it.

    Labels and consent are never taken from elsewhere, and the split is for whoever has all labelled tracks.
    """
    named = {column_meant(name): value for name, value in track.metadata.items()}
    help_for_people = {"tagger": tagger, "tagger_says": track.said, "tagger_is_unsure_of": track.unsure}
    copied = {
        name: value
        for name, value in track.metadata.items()
        if column_meant(name) not in {*COLUMNS, *help_for_people}
    }
    return LabelledTrack(
        track.track_id,
        track.uri,
        Labels({}, {}),
        group=track.group,
        training_opt_in=None,
        licence=next((named[name] for name in _LICENCES if name in named), ""),
        metadata={**help_for_people, **copied},
    )
