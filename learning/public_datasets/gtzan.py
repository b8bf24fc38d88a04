"""GTZAN: 1,000 clips of 30 s in ten genres.

On disk: a folder for each genre, as ``genres.tar.gz`` unpacks to, or ``genres_original`` as on Kaggle. Known
faults: ``jazz.00054.wav`` cannot be decoded; clips that are there twice, wrong genres, distortion (Sturm,
arXiv 1306.1461). Where the lists of the fault-filtered split lie beside the folders (``train_filtered.txt``
and so on, 930 clips), they are the split, and other clips are left out. The set names no artists and no
licence: no clip has a group, and none has consent.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tonearm.learning.labelled.labels import ALL, Labels
from tonearm.learning.labelled.track import LabelledTrack, Split
from tonearm.learning.licences import NO_LICENCE, allows_training
from tonearm.learning.public_datasets.contract import Imported, PublicDataset, PublicDatasetError, Remark

LICENCE = NO_LICENCE

CITATION = (
    "G. Tzanetakis, P. Cook: Musical genre classification of audio signals. IEEE Transactions on Speech and "
    "Audio Processing 10(5), 2002; faults: B. L. Sturm, arXiv 1306.1461"
)

GENRES = ("blues", "classical", "country", "disco", "hiphop", "jazz", "metal", "pop", "reggae", "rock")

_FOLDERS = ("", "genres", "genres_original", "Data/genres_original", "data/genres_original")

_ENDINGS = (".wav", ".au")

_CLIPS = 100
"""Of each genre."""

_UNDECODABLE = "jazz.00054"

_LISTS = {
    Split.TRAIN: "train_filtered.txt",
    Split.VALIDATION: "valid_filtered.txt",
    Split.TEST: "test_filtered.txt",
}


def _read(root: Path) -> Iterator[Imported]:
    folder = next((root / name for name in _FOLDERS if any((root / name / g).is_dir() for g in GENRES)), None)
    if folder is None:
        packed = "; unpack genres.tar.gz first" if (root / "genres.tar.gz").exists() else ""
        raise PublicDatasetError(f"{root} holds no folder of a genre, such as blues{packed}")
    splits = _splits(root)
    for genre in GENRES:
        found = sorted(path for path in (folder / genre).glob(f"{genre}.*") if path.suffix in _ENDINGS)
        clips = list({path.stem: path for path in found}.values())  # one, where both forms were unpacked
        if len(clips) < _CLIPS:
            yield Remark(genre, 0, "", f"it holds {len(clips)} of {_CLIPS} clips")
        yield from (_clip(path, genre, splits) for path in clips)


def _clip(path: Path, genre: str, splits: dict[str, Split]) -> Imported:
    place = f"{genre}/{path.name}"
    if path.stem == _UNDECODABLE and path.suffix == ".wav":
        return Remark(place, 0, path.stem, "it is known not to be decodable as it was published")
    if splits and path.stem not in splits:
        return Remark(place, 0, path.stem, "it is not in the fault-filtered lists")
    labels = Labels.of({genre: 1, ALL: -1})
    return LabelledTrack(
        path.stem,
        str(path.absolute()),
        labels,
        training_opt_in=allows_training(LICENCE),
        split=splits.get(path.stem),
        licence=LICENCE,
    )


def _splits(root: Path) -> dict[str, Split]:
    return {
        Path(line.strip()).name.removesuffix(".wav").removesuffix(".au"): split
        for split, name in _LISTS.items()
        if (root / name).is_file()
        for line in (root / name).read_text(encoding="utf-8", errors="replace").splitlines()
        if line.strip()
    }


GTZAN = PublicDataset(
    "gtzan",
    "GTZAN",
    LICENCE,
    CITATION,
    "the fault-filtered lists, if they are there; they keep repeated clips apart",
    _read,
)
