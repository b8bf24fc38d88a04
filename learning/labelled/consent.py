"""Consent: which tracks may have their audio opened. Whatever opens audio of a labelled manifest asks here.

Consent is of a row, and what is opened is a file: one that any other row names without consent stays closed,
by whatever name or link it is reached; so does the file of a row of which consent cannot be understood.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tonearm.learning.labelled.track import BadRow, LabelledTrack
from tonearm.transforms.storage.schemes import is_local

FileIdentity = tuple[int, int] | str
"""What a file is, by whatever name; see :func:`file_identity`."""


@dataclass(frozen=True, slots=True)
class Consent:
    """The tracks of a manifest by whether their audio may be opened, each in the order of its rows.

    Attributes:
        given: Tracks that may be opened.
        missing: Tracks whose row does not say ``training_opt_in = true``.
        contradicted: Tracks whose row says so, and whose file another row names without consent.
    """

    given: Sequence[LabelledTrack]
    missing: Sequence[LabelledTrack]
    contradicted: Sequence[LabelledTrack]


def consent_of(rows: Sequence[LabelledTrack | BadRow]) -> Consent:
    """Tell which tracks of a manifest may be opened; nothing is opened for that.

    Args:
        rows: All rows of the manifest, those that cannot be used too.
    """
    tracks = [row for row in rows if isinstance(row, LabelledTrack)]
    missing = [track for track in tracks if not track.training_opt_in]
    unconsented = [row.uri for row in rows if not row.training_opt_in]
    closed = {file_identity(uri) for uri in unconsented if uri}
    given: list[LabelledTrack] = []
    contradicted: list[LabelledTrack] = []
    for track in tracks:
        if track.training_opt_in:
            (contradicted if file_identity(track.uri) in closed else given).append(track)
    return Consent(given, missing, contradicted)


def file_identity(uri: str) -> FileIdentity:
    """What a file is, by whatever name: its number on its disk; of others the URL. Nothing is opened."""
    if not is_local(uri):
        return uri
    try:
        found = Path(uri).stat()
    except OSError:
        return os.path.realpath(uri)
    return found.st_dev, found.st_ino
