"""OpenMIC-2018: 20,000 excerpts of 10 s with 20 instruments that listeners heard, or did not.

On disk: ``openmic-2018-aggregated-labels.csv``, a row for each excerpt and instrument that was asked about,
``openmic-2018-metadata.csv``, ``partitions`` and ``audio``. Labels are partial: of an instrument that nobody
was asked about nothing is known, and its loss is to be masked. Known faults: partitions are called
``split01_train.csv``, without a header, or ``train01.txt``; the column ``track_genres`` is no JSON and is not
read; licences are by track, and many allow no derivatives.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

from tonearm.learning.labelled.labels import LabelValue
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
from tonearm.learning.public_datasets.tables import Line, lines_of, place_of, records_of

LICENCE = "by track, as its artist chose; labels CC-BY-4.0"

CITATION = (
    "E. J. Humphrey, S. Durand, B. McFee: OpenMIC-2018: an open dataset for multiple instrument recognition. "
    "ISMIR 2018"
)

_UNDECIDED = 0.5
"""A relevance above it says that the instrument is heard, below it that it is not."""

_PARTITIONS = {
    Split.TRAIN: ("split01_train.csv", "train01.txt", "train01.csv", "split01_train.txt"),
    Split.TEST: ("split01_test.csv", "test01.txt", "test01.csv", "split01_test.txt"),
}


def _read(root: Path) -> Iterator[Imported]:
    labels_name = "openmic-2018-aggregated-labels.csv"
    table = first_there(root, [labels_name, f"openmic-2018/{labels_name}"], "labels of OpenMIC-2018")
    folder = table.parent
    splits, doubled = _splits(folder)
    for key in doubled:
        yield Remark("partitions", 0, "", f"{key} is in both parts: it has no split")
    about = _metadata(folder / "openmic-2018-metadata.csv")
    if not about:
        yield Remark("openmic-2018-metadata.csv", 0, "", "it is not there: no licences, and so no consent")
    heard: dict[str, dict[str, LabelValue]] = defaultdict(dict)
    first_row: dict[str, int] = {}
    for found in _answers(table):
        if isinstance(found, Remark):
            yield found
            continue
        number, key, instrument, value = found
        first_row.setdefault(key, number)
        if heard[key].setdefault(instrument, value) is not value:
            heard[key][instrument] = LabelValue.UNKNOWN
            text = f"{key}: it says another thing of {instrument} than before, which is unknown now"
            yield Remark(table.name, number, "", text)
    for key in sorted(heard):
        row = (table.name, first_row[key], key)
        artist, licence = about.get(key, ("", ""))
        if not (uri := audio_file([folder / "audio"], [f"{key[:3]}/{key}.ogg"])):
            yield Remark(*row, f"there is no audio audio/{key[:3]}/{key}.ogg")
        elif isinstance(labels := labels_of(dict(sorted(heard[key].items()))), str):
            yield Remark(*row, labels)
        else:
            group = artist or key.partition("_")[0]
            opt_in = allows_training(licence)
            yield LabelledTrack(key, uri, labels, group, opt_in, splits.get(key), licence)


def _answers(path: Path) -> Iterator[tuple[int, str, str, LabelValue] | Remark]:
    """Row, excerpt, instrument and what was heard."""
    lines = lines_of(path, ",")
    header = next(lines, None)
    columns = header.cells if isinstance(header, Line) else []
    places = [place_of(columns, name, path) for name in ("sample_key", "instrument", "relevance")]
    for line in lines:
        if isinstance(line, Remark):
            yield line
            continue
        if len(line.cells) <= max(places):
            yield Remark(path.name, line.number, "", f"it has {len(line.cells)} columns")
            continue
        key, instrument, relevance = (line.cells[place].strip() for place in places)
        if not key or not instrument or (value := _value(relevance)) is None:
            yield Remark(path.name, line.number, "", f"{key}: its relevance {relevance[:20]!r} is not 0 to 1")
        else:
            yield line.number, key, instrument, value


def _value(relevance: str) -> LabelValue | None:
    try:
        number = float(relevance)
    except ValueError:
        return None
    if not 0 <= number <= 1:
        return None
    if number == _UNDECIDED:
        return LabelValue.UNKNOWN
    return LabelValue.POSITIVE if number > _UNDECIDED else LabelValue.NEGATIVE


def _metadata(path: Path) -> dict[str, tuple[str, str]]:
    """Artist and licence by excerpt; none if the file is not there."""
    if not path.is_file():
        return {}
    records = records_of(path)
    header = next(records, None)
    columns = header.cells if header else []
    key, artist = place_of(columns, "sample_key", path), place_of(columns, "artist_id", path)
    licences = [columns.index(name) for name in ("license_title", "license_url") if name in columns]
    if not licences:
        raise PublicDatasetError(f"{path} lacks the columns license_title and license_url")
    return {
        record.cells[key].strip(): (
            record.cells[artist].strip(),
            next((text for place in licences if (text := record.cells[place].strip())), ""),
        )
        for record in records
        if len(record.cells) > max(key, artist, *licences)
    }


def _splits(folder: Path) -> tuple[dict[str, Split], list[str]]:
    """The set's first partition, by excerpt, and what stands in both of its parts.

    Raises:
        PublicDatasetError: It is not there.
    """
    parts: dict[Split, set[str]] = {}
    for split, names in _PARTITIONS.items():
        path = first_there(folder, [f"partitions/{name}" for name in names], "partition of OpenMIC-2018")
        parts[split] = set(path.read_text(encoding="utf-8-sig", errors="replace").replace(",", " ").split())
    doubled = parts[Split.TRAIN] & parts[Split.TEST]
    splits = {key: split for split, keys in parts.items() for key in keys - doubled}
    return splits, sorted(doubled)


OPENMIC = PublicDataset(
    "openmic", "OpenMIC-2018", LICENCE, CITATION, "the set's own first partition: train and test", _read
)
