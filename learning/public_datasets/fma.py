"""FMA: 106,574 tracks of the Free Music Archive with the genres that their artists chose.

On disk: ``fma_metadata/tracks.csv``, whose first two lines are the header and whose third names the index,
``genres.csv`` beside it, and the audio in ``fma_small``, ``fma_medium``, ``fma_large`` or ``fma_full``. Known
faults: no audio in 99134, 108925 and 133297; wrong durations in the table (issue 8 of the set's repository),
so none is taken from it; 105,637 different files among 106,574 (issue 23), and unreadable ones (issue 49).
Each track has its own licence, and many allow no derivatives.

A track whose genres belong to one root genre (``genre_top``) has none of the other roots. Of all else that it
does not name, nothing is known.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from tonearm.learning.labelled.labels import Labels
from tonearm.learning.labelled.track import LabelledTrack, Split
from tonearm.learning.licences import allows_training
from tonearm.learning.public_datasets.contract import (
    Imported,
    PublicDataset,
    PublicDatasetError,
    Remark,
    audio_file,
    first_there,
    labels_of,
)
from tonearm.learning.public_datasets.tables import Line, place_of, records_of

LICENCE = "by track, as its artist chose; labels CC-BY-4.0"

CITATION = (
    "M. Defferrard, K. Benzi, P. Vandergheynst, X. Bresson: FMA: a dataset for music analysis. ISMIR 2017"
)

_WITHOUT_AUDIO = {"99134", "108925", "133297"}

_SUBSETS = ("small", "medium", "large", "full")
"""Each holds those before it."""

_SPLITS = {"training": Split.TRAIN, "validation": Split.VALIDATION, "test": Split.TEST}


def _read(root: Path) -> Iterator[Imported]:
    tracks = first_there(root, ["fma_metadata/tracks.csv", "tracks.csv"], "table of FMA")
    titles, roots = _genres(first_there(tracks.parent, ["genres.csv"], "table of FMA's genres"))
    bases, wanted = _audio_folders(root)
    records = records_of(tracks, headers=2)
    places = _places(tracks, next(records, None), next(records, None))
    elsewhere = 0
    for record in records:
        track_id = record.cells[0].strip()
        row = (tracks.name, record.number, track_id)
        if track_id == "track_id":
            continue
        if len(record.cells) <= max(places.values()) or not track_id.isdecimal():
            lines = f"; it takes {record.lines} lines, as a quotation mark may" if record.lines > 1 else ""
            yield Remark(*row[:2], "", f"it is no whole row of a track{lines}")
            continue
        values = {name: record.cells[place].strip() for name, place in places.items()}
        name = f"{int(track_id):06d}"
        uri = audio_file(bases, [f"{name[:3]}/{name}.mp3"])
        if track_id in _WITHOUT_AUDIO:
            yield Remark(*row, "its file is known to hold no audio in the set as it was published")
        elif not uri and values["subset"] not in wanted:
            elsewhere += 1
        elif not uri:
            yield Remark(*row, f"there is no audio {name[:3]}/{name}.mp3")
        elif isinstance(labels := _labels(values["genres_all"], values["genre_top"], titles, roots), str):
            yield Remark(*row, labels)
        else:
            licence = values["license"]
            yield LabelledTrack(
                track_id,
                uri,
                labels,
                values["artist"],
                allows_training(licence),
                _SPLITS.get(values["split"]),
                licence,
            )
    if elsewhere:
        yield Remark(tracks.name, 0, "", f"{elsewhere} tracks are of subsets that are not here")


def _places(path: Path, groups: Line | None, names: Line | None) -> dict[str, int]:
    """Where the columns stand, each under its two names."""
    if groups is None or names is None:
        raise PublicDatasetError(f"{path} lacks its header of two lines")
    columns = [".".join(pair) for pair in zip(groups.cells, names.cells, strict=False)]
    wanted = {
        "split": "set.split",
        "subset": "set.subset",
        "genre_top": "track.genre_top",
        "genres_all": "track.genres_all",
        "license": "track.license",
        "artist": "artist.id",
    }
    return {name: place_of(columns, column, path) for name, column in wanted.items()}


def _genres(path: Path) -> tuple[dict[int, str], set[str]]:
    """Title by number, and the titles of the roots."""
    records = records_of(path)
    header = next(records, None)
    columns = header.cells if header else []
    number, title, parent = (place_of(columns, name, path) for name in ("genre_id", "title", "parent"))
    titles, roots = {}, set()
    for record in records:
        if len(record.cells) > max(number, title, parent) and record.cells[number].isdecimal():
            titles[int(record.cells[number])] = record.cells[title].strip()
            if record.cells[parent].strip() == "0":
                roots.add(record.cells[title].strip())
    return titles, roots


def _audio_folders(root: Path) -> tuple[list[Path], Sequence[str]]:
    """The folders of audio that are here, and the subsets that should be in them."""
    here = [name for name in _SUBSETS if (root / f"fma_{name}").is_dir()]
    if here:
        largest = max(map(_SUBSETS.index, here))
        # All that is in the table is in `large`, as clips; `full` has the same tracks, whole.
        wanted = _SUBSETS if largest >= _SUBSETS.index("large") else _SUBSETS[: largest + 1]
        return [root / f"fma_{name}" for name in reversed(here)], (*wanted, "") if largest > 1 else wanted
    if any(path.is_dir() and path.name.isdecimal() for path in root.iterdir()):
        return [root], ()
    raise PublicDatasetError(
        f"{root} holds no audio of FMA: looked for {', '.join(f'fma_{n}' for n in _SUBSETS)}"
    )


def _labels(genres_all: str, genre_top: str, titles: dict[int, str], roots: set[str]) -> Labels | str:
    """The genres of a track, or why it has none."""
    try:
        numbers = json.loads(genres_all)
        genres = {titles[int(number)] for number in numbers}
    except (ValueError, TypeError, OverflowError):
        return "its genres_all is no list of numbers"
    except KeyError as unknown:
        return f"its genre {unknown} is not in genres.csv"
    if genre_top:
        genres.add(genre_top)
    if not genres:
        return "it has no genre"
    others = sorted(roots - genres) if genre_top else []
    return labels_of({**dict.fromkeys(sorted(genres), 1), **dict.fromkeys(others, -1)})


FMA = PublicDataset("fma", "FMA", LICENCE, CITATION, "the set's own: no artist is in two parts", _read)
