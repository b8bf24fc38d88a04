"""What every data set is to the import: who made it, under which licence, and how its folder is read.

How to add one, say ``slakh``:

1. Write ``learning/public_datasets/slakh.py`` with a :class:`PublicDataset` called ``SLAKH``.
2. Its ``read`` takes the folder of the set and yields tracks and remarks. A row that cannot be used is a
   remark with its place. It opens no audio: that a file is there is all that is asked.
3. What the set does not say is unknown: ``*=-`` stands only where a label that is not given does not hold.
4. ``training_opt_in`` is ``allows_training(licence)``; see :mod:`tonearm.learning.licences`.
5. Add it to ``PUBLIC_DATASETS`` in ``learning/public_datasets/registry.py``, and a tiny folder of its form to
   the tests.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from tonearm.errors import WrongCallError
from tonearm.learning.labelled.labels import LabelError, Labels
from tonearm.learning.labelled.track import LabelledTrack


class PublicDatasetError(WrongCallError):
    """A folder is not the data set that it should be; the message says what is missing."""


@dataclass(frozen=True, slots=True)
class Remark:
    """Something that is wrong in a data set, or worth knowing.

    Attributes:
        place: The file that tells of it, relative to the set's folder.
        row: The line of that file, from 1; 0 if it is about the whole file.
        track_id: The track that is left out; empty if it is about none, or none can be read.
        text: What is wrong.
    """

    place: str
    row: int
    track_id: str
    text: str


Imported = LabelledTrack | Remark


@dataclass(frozen=True, slots=True)
class PublicDataset:
    """A data set that many know.

    Attributes:
        name: As the command line has it.
        title: As people call it.
        licence: Of its audio, and of its labels where they differ.
        citation: What to cite.
        splits: Where the splits come from, and what they keep apart.
        read: Yields its tracks and what is wrong with it.
    """

    name: str
    title: str
    licence: str
    citation: str
    splits: str
    read: Callable[[Path], Iterator[Imported]]


def first_there(root: Path, names: list[str], wanted: str) -> Path:
    """The first of several places in a data set's folder that is there.

    Raises:
        PublicDatasetError: None is there.
    """
    for name in names:
        if (root / name).exists():
            return root / name
    raise PublicDatasetError(f"{root} holds no {wanted}: looked for {', '.join(names)}")


def require_folder(root: Path) -> None:
    """Refuse what is no folder.

    Raises:
        PublicDatasetError: It is none.
    """
    if not root.is_dir():
        raise PublicDatasetError(f"{root}: no such folder; name the one that the data set was unpacked to")


def audio_file(bases: list[Path], names: list[str]) -> str:
    """The absolute path of a track's audio, under the first name that is there; empty if none is.

    A name that leads out of its folder is none.

    Args:
        bases: Folders that audio may lie in.
        names: Names that the file may have, relative to them.
    """
    for base in bases:
        for name in names:
            if name and not Path(name).is_absolute() and ".." not in Path(name).parts:
                path = base / name
                if path.is_file():
                    return str(path.absolute())
    return ""


def labels_of(values: Mapping[str, int]) -> Labels | str:
    """Labels of values by name; or, where a manifest cannot hold the names, what is wrong with them."""
    try:
        return Labels.of(values)
    except LabelError as error:
        return f"its labels {error}"
