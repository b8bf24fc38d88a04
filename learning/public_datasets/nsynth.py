"""NSynth: 305,979 notes of 4 s from 1,006 instruments.

On disk: ``nsynth-train``, ``nsynth-valid`` and ``nsynth-test``, each with ``examples.json`` and ``audio``.
Labels are the family, the source and the qualities of the sound; what a note does not have it lacks. Known
faults: notes that differ in velocity alone are nearly the same, so the group is the instrument. Those of
``nsynth-train`` are in no other part; ``nsynth-valid`` and ``nsynth-test`` share theirs.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tonearm.learning.labelled.labels import ALL, Labels
from tonearm.learning.labelled.track import LabelledTrack, Split
from tonearm.learning.licences import allows_training
from tonearm.learning.public_datasets.contract import (
    Imported,
    PublicDataset,
    PublicDatasetError,
    Remark,
    audio_file,
    labels_of,
)

LICENCE = "CC-BY-4.0"

CITATION = (
    "J. Engel, C. Resnick, A. Roberts, S. Dieleman, D. Eck, K. Simonyan, M. Norouzi: Neural audio synthesis "
    "of musical notes with WaveNet autoencoders. ICML 2017"
)

_PARTS = {"nsynth-train": Split.TRAIN, "nsynth-valid": Split.VALIDATION, "nsynth-test": Split.TEST}

_KEYS = ("instrument_family_str", "instrument_source_str", "instrument_str", "qualities_str")


def _read(root: Path) -> Iterator[Imported]:
    here = {name: root / name for name in _PARTS if (root / name / "examples.json").is_file()}
    if root.name in _PARTS and (root / "examples.json").is_file():
        here[root.name] = root
    if not here:
        raise PublicDatasetError(
            f"{root} holds no part of NSynth: looked for {', '.join(_PARTS)}/examples.json"
        )
    for name in _PARTS:
        if name in here:
            yield from _part(here[name], name)
        else:
            yield Remark(name, 0, "", "it is not there")


def _part(folder: Path, name: str) -> Iterator[Imported]:
    place = f"{name}/examples.json"
    for number, (key, note) in enumerate(sorted(_notes(folder / "examples.json").items()), start=1):
        if problem := _problem(note):
            yield Remark(place, number, key, problem)
        elif not (uri := audio_file([folder / "audio"], [f"{key}.wav"])):
            yield Remark(place, number, key, f"there is no audio {key}.wav")
        elif isinstance(labels := _labels(note), str):
            yield Remark(place, number, key, labels)
        else:
            opt_in, group = allows_training(LICENCE), note["instrument_str"]
            yield LabelledTrack(key, uri, labels, group, opt_in, _PARTS[name], LICENCE)


def _labels(note: dict[str, Any]) -> Labels | str:
    tags = [note["instrument_family_str"], note["instrument_source_str"], *note["qualities_str"]]
    return labels_of({**dict.fromkeys(tags, 1), ALL: -1})


def _notes(path: Path) -> dict[str, Any]:
    """Notes by name, with what is used of them: the file is large, and most of it is not."""
    try:
        with path.open(encoding="utf-8") as file:
            notes = json.load(file, object_hook=_used)
    except (OSError, ValueError, RecursionError) as error:
        raise PublicDatasetError(f"{path} cannot be read as JSON: {str(error)[:200]}") from error
    if not isinstance(notes, dict):
        raise PublicDatasetError(f"{path} holds no notes by name")
    return notes


def _used(found: dict[str, Any]) -> dict[str, Any]:
    """Of a note, the keys that are used; of the whole, all."""
    return {key: found[key] for key in _KEYS if key in found} if "note_str" in found else found


def _problem(note: Any) -> str:
    if not isinstance(note, dict):
        return "it is no object"
    if missing := [key for key in _KEYS if key not in note]:
        return f"it lacks {missing[0]}"
    qualities = note["qualities_str"]
    words = [*(note[key] for key in _KEYS[:-1]), *(qualities if isinstance(qualities, list) else [0])]
    if not all(isinstance(word, str) and word for word in words):
        return "its family, source, instrument or qualities are not text"
    return ""


NSYNTH = PublicDataset(
    "nsynth",
    "NSynth",
    LICENCE,
    CITATION,
    "the set's own: instruments of the training part are in no other part",
    _read,
)
