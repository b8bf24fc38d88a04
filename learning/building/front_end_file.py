"""A front end of one's own, from a JSON file: for architectures that want other settings than a tagger's."""

from __future__ import annotations

from tonearm.errors import WrongCallError
from tonearm.models.front_end import FrontEnd
from tonearm.transforms.elements.failure import TrackError
from tonearm.transforms.spectrograms.front_end_settings import front_end_of
from tonearm.transforms.storage.contract import StorageError
from tonearm.transforms.storage.objects import read_object


class FrontEndFileError(WrongCallError):
    """A file describes no front end."""


def read_front_end(location: str) -> FrontEnd:
    """The front end whose settings a file holds, a JSON object of all of them.

    Args:
        location: Path or URL.

    Raises:
        FrontEndFileError: There is no such file, or its settings cannot be.
    """
    try:
        found = read_object(location)
    except StorageError as error:
        raise FrontEndFileError(error.message) from error
    if found is None:
        raise FrontEndFileError(f"{location}: no such file")
    try:
        return front_end_of(found.content.decode())
    except (TrackError, UnicodeDecodeError) as error:
        reason = error.message if isinstance(error, TrackError) else "it is no text in UTF-8"
        raise FrontEndFileError(f"{location}: {reason}") from error
