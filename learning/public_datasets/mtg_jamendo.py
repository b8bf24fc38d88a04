"""MTG-Jamendo: 55,609 full tracks from Jamendo with 195 tags for genre, instrument, mood and theme.

On disk: a checkout of the set's repository, and the audio in ``audio`` or ``audio-low``, here or in
``raw_30s``. Known faults: lines end in CRLF; a track's tags run on over further tabs, as many as it has; the
tables say ``82/382.mp3`` where the smaller audio is called ``82/382.low.mp3``; ``data/autotagging.tsv`` is a
link, which some checkouts hold as a small text file.

Whoever uploaded a track chose its tags. A track that has a tag for genre is taken to have named its genres;
where it names no instrument, nothing is known of its instruments.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from tonearm.learning.labelled.labels import ALL, Labels
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

LICENCE = "Creative Commons, by track in audio_licenses.txt; labels CC-BY-NC-SA-4.0"

CITATION = (
    "D. Bogdanov, M. Won, P. Tovstogan, A. Porter, X. Serra: The MTG-Jamendo dataset for automatic music "
    "tagging. Machine Learning for Music Discovery Workshop, ICML 2019"
)

_TABLES = (
    "autotagging.tsv",
    "raw_30s_cleantags_50artists.tsv",
    "autotagging_top50tags.tsv",
    "autotagging_genre.tsv",
    "autotagging_instrument.tsv",
    "autotagging_moodtheme.tsv",
)
"""The first that is there is read."""

_AUDIO = ("audio", "audio-low", "raw_30s/audio", "raw_30s/audio-low", "autotagging_moodtheme/audio", "")

_HEADER = ["TRACK_ID", "ARTIST_ID", "ALBUM_ID", "PATH", "DURATION", "TAGS"]

_BETWEEN = "---"
"""What parts a tag's category from its name."""

_PATH = re.compile(r"\d+/\d+(?:\.low)?\.mp3")

_LICENCE_URL = re.compile(r"https?://creativecommons\.org/\S+")


def _read(root: Path) -> Iterator[Imported]:
    names = [f"{folder}{name}" for name in _TABLES for folder in ("data/", "")]
    table = _followed(first_there(root, names, "table of MTG-Jamendo"))
    splits, licences = _splits(root), _licences(root)
    if not splits:
        yield Remark("data/splits/split-0", 0, "", "it is not there: no track has a split")
    if not licences:
        yield Remark("audio_licenses.txt", 0, "", "it is not there: no licences, and so no consent")
    bases = [root / name for name in _AUDIO]
    for number, fields in _rows(table):
        track_id, artist, _, path, *_ = [*fields, "", "", "", ""]
        tags = [tag.strip() for tag in fields[len(_HEADER) - 1 :] if tag.strip()]
        row = (table.name, number, track_id)
        if len(fields) < len(_HEADER) or not tags:
            yield Remark(*row, f"it has {len(fields)} columns, and no tags in the sixth")
        elif wrong := [tag for tag in tags if not all(tag.partition(_BETWEEN))]:
            yield Remark(*row, f"{wrong[0][:40]!r} is no tag: they are written category{_BETWEEN}name")
        elif not (uri := audio_file(bases, [path, f"{path.removesuffix('.mp3')}.low.mp3"])):
            yield Remark(*row, f"there is no audio {path}")
        elif isinstance(labels := _labels(tags), str):
            yield Remark(*row, labels)
        else:
            licence = licences.get(path, "")
            yield LabelledTrack(
                track_id,
                uri,
                labels,
                artist,
                allows_training(licence),
                splits.get(track_id),
                licence,
            )


def _labels(tags: list[str]) -> Labels | str:
    complete = {f"{tag.partition(_BETWEEN)[0]}{_BETWEEN}{ALL}": -1 for tag in tags}
    return labels_of({**dict.fromkeys(tags, 1), **complete})


def _followed(path: Path) -> Path:
    """What a link leads to that a checkout holds as a text file with its target."""
    with path.open("rb") as file:
        beginning = file.read(300).strip()
    if b"\n" in beginning or b"\t" in beginning or not beginning.endswith(b".tsv"):
        return path
    target = path.parent / beginning.decode("utf-8", "replace")
    if not target.is_file():
        raise PublicDatasetError(f"{path} is a link to {target.name}, which is not there")
    return target


def _rows(path: Path) -> Iterator[tuple[int, list[str]]]:
    """Number and fields of each row; their count differs, as tags run on."""
    with path.open(encoding="utf-8-sig", errors="replace") as file:
        header = file.readline().rstrip("\r\n").split("\t")
        if header[: len(_HEADER)] != _HEADER:
            raise PublicDatasetError(f"{path} begins with {header[:6]}, not with {_HEADER}")
        for number, line in enumerate(file, start=2):
            if line.strip():
                yield number, line.rstrip("\r\n").split("\t")


def _splits(root: Path) -> dict[str, Split]:
    """The set's first split, by track: no artist is in two parts, and all its subsets are cut alike."""
    splits: dict[str, Split] = {}
    for folder in ("data/splits/split-0", "splits/split-0"):
        for split in Split:
            for path in sorted((root / folder).glob(f"*-{split}.tsv")):
                splits.update((fields[0], split) for _, fields in _rows(path))
    return splits


def _licences(root: Path) -> dict[str, str]:
    """Licence by path of the audio; each stands below its path, with a sentence between."""
    licences: dict[str, str] = {}
    path = ""
    for folder in ("", "data"):
        if (file := root / folder / "audio_licenses.txt").is_file():
            for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
                if _PATH.fullmatch(line.strip()):
                    path = line.strip()
                elif found := _LICENCE_URL.search(line):
                    licences[path] = found[0].rstrip(".,)")
    return licences


MTG_JAMENDO = PublicDataset(
    "mtg_jamendo",
    "MTG-Jamendo",
    LICENCE,
    CITATION,
    "the set's own split-0: no artist is in two parts",
    _read,
)
