"""MagnaTagATune: 25,863 clips of 29 s from Magnatune with 188 tags that players of a game agreed on.

On disk: ``annotations_final.csv`` and ``clip_info_final.csv``, both parted by tabs whatever their names say,
and the clips in folders ``0`` to ``f``. Known faults: three clips are empty or corrupt; some rows name no
file; the folder is a hash of the album, so the split by folders that many papers use has artists on both
sides. The set has no split of its own, and none is given.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from tonearm.learning.labelled.labels import ALL, Labels
from tonearm.learning.labelled.track import LabelledTrack
from tonearm.learning.licences import allows_training
from tonearm.learning.public_datasets.contract import (
    Imported,
    PublicDataset,
    PublicDatasetError,
    Remark,
    audio_file,
    first_there,
)
from tonearm.learning.public_datasets.tables import Line, lines_of, place_of

LICENCE = "CC-BY-NC-SA-3.0"

CITATION = (
    "E. Law, K. West, M. Mandel, M. Bay, J. S. Downie: Evaluation of algorithms using games: the case of "
    "music tagging. ISMIR 2009"
)

_CORRUPT = (
    ("6/norine_braun", "-117-146.mp3"),
    ("8/jacob_heringman", "-204-233.mp3"),
    ("9/american_baroque", "-88-117.mp3"),
)
"""The three clips, by the beginnings and the ends of their paths."""


def _read(root: Path) -> Iterator[Imported]:
    annotations = first_there(root, ["annotations_final.csv"], "annotations of MagnaTagATune")
    info = first_there(root, ["clip_info_final.csv"], "list of clips of MagnaTagATune")
    artists = _artists(info)
    columns, lines = _table(annotations)
    clip, audio = place_of(columns, "clip_id", annotations), place_of(columns, "mp3_path", annotations)
    whole = []
    for line in lines:
        if isinstance(line, Remark):
            yield line
        elif len(line.cells) != len(columns):
            text = f"it has {len(line.cells)} columns, and the header {len(columns)}"
            yield Remark(annotations.name, line.number, line.cells[0], text)
        else:
            whole.append(line)
    others = [place for place in range(len(columns)) if place not in {clip, audio}]
    tags = [place for place in others if columns[place].strip(f" {ALL}") and _is_tag(whole, place)]
    for place in sorted({*others} - {*tags}):
        text = f"the column {columns[place]!r} is no tag: it has no name, or holds more than 0 and 1"
        yield Remark(annotations.name, 1, "", text)
    bases = [root, root / "mp3", root / "audio"]
    for line in whole:
        row = (annotations.name, line.number, line.cells[clip])
        if wrong := next((place for place in tags if line.cells[place] not in {"0", "1"}), None):
            yield Remark(*row, f"its {columns[wrong]} is {line.cells[wrong][:20]!r}, neither 0 nor 1")
        elif reason := _unusable(line.cells[audio]):
            yield Remark(*row, reason)
        elif not (uri := audio_file(bases, [line.cells[audio]])):
            yield Remark(*row, f"there is no audio {line.cells[audio]}")
        else:
            holds = {columns[place]: 1 for place in tags if line.cells[place] == "1"}
            labels = Labels.of({**holds, ALL: -1})
            if not (group := artists.get(line.cells[clip], "")):
                text = f"clip {line.cells[clip]} has no artist in {info.name}, and so no group"
                yield Remark(annotations.name, line.number, "", text)
            yield LabelledTrack(
                line.cells[clip], uri, labels, group, allows_training(LICENCE), licence=LICENCE
            )


def _table(path: Path) -> tuple[list[str], Iterator[Line | Remark]]:
    lines = lines_of(path, "\t")
    header = next(lines, None)
    if not isinstance(header, Line):
        raise PublicDatasetError(f"{path} has no header")
    return header.cells, lines


def _artists(path: Path) -> dict[str, str]:
    """Artist by clip; of lines that cannot be read, none."""
    columns, lines = _table(path)
    clip, artist = place_of(columns, "clip_id", path), place_of(columns, "artist", path)
    return {
        line.cells[clip]: line.cells[artist].strip()
        for line in lines
        if isinstance(line, Line) and len(line.cells) > max(clip, artist)
    }


def _is_tag(lines: list[Line], place: int) -> bool:
    """True of a column of which more than half are 0 or 1; other versions bring further columns."""
    return 2 * sum(line.cells[place] in {"0", "1"} for line in lines) > len(lines)


def _unusable(path: str) -> str:
    if not path.strip():
        return "it names no audio"
    if any(path.startswith(begins) and path.endswith(ends) for begins, ends in _CORRUPT):
        return f"{path} is known to be empty or corrupt in the set as it was published"
    return ""


MAGNATAGATUNE = PublicDataset(
    "magnatagatune", "MagnaTagATune", LICENCE, CITATION, "none: split by group, which is the artist", _read
)
