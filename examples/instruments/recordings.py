"""Real recordings of known instruments: ``python -m examples.instruments.recordings``.

They are the 26 sounds of the activity "instruments" in Debian's package gcompris-qt-data, 4 to 12 s each.
"""

from __future__ import annotations

import argparse
import struct
import sys
from collections.abc import Iterator
from pathlib import Path

from tonearm.learning.labelled.labels import ALL, Labels
from tonearm.learning.labelled.track import LabelledTrack, Split
from tonearm.learning.labelled.writing import write_labelled

RESOURCES = Path("/usr/share/gcompris-qt/rcc/instruments.rcc")
_LICENCE = "GPL-3.0-or-later"

_LABELS = {
    **dict.fromkeys(("bongo", "castanets", "cymbal", "drum_kit"), "drums"),
    **dict.fromkeys(("maracas", "snare_drum", "tambourine", "triangle"), "drums"),
    **dict.fromkeys(("electric_guitar", "guitar"), "guitar"),
    **dict.fromkeys(("horn", "trombone", "trumpet", "tuba"), "brass"),
    **dict.fromkeys(("cello", "violin"), "strings"),
    **dict.fromkeys(("clarinet", "saxophone"), "reed"),
    "flute_traversiere": "flute",
    "organ": "organ",
    "piano": "piano",
}
"""What each recording's name says. The others (accordion, banjo, harp, …) have none of the eleven labels."""

_HEADER = struct.Struct(">4sIIII")
_FOLDER, _COMPRESSED = 2, 1
_NODE_BYTES = 22
"""Of the resource file's versions 2 and 3; the last eight are a time."""


def resource_files(resources: bytes) -> Iterator[tuple[str, bytes]]:
    """Names and contents of what a Qt resource file holds uncompressed, as Qt's qresource.cpp reads it.

    Raises:
        ValueError: If it is none.
    """
    magic, version, tree, contents, names = _HEADER.unpack_from(resources)
    if magic != b"qres" or version not in (2, 3):
        raise ValueError("not a Qt resource file of version 2 or 3")
    waiting = [0]
    while waiting:
        node = tree + _NODE_BYTES * waiting.pop()
        name_offset, flags = struct.unpack_from(">IH", resources, node)
        if flags & _FOLDER:
            count, first = struct.unpack_from(">II", resources, node + 6)
            waiting += range(first, first + count)
        elif not flags & _COMPRESSED:
            (start,) = struct.unpack_from(">I", resources, node + 10)
            (length,) = struct.unpack_from(">I", resources, contents + start)
            begin = contents + start + 4
            yield _name(resources, names + name_offset), resources[begin : begin + length]


def _name(resources: bytes, place: int) -> str:
    """Length in UTF-16 units, a hash of four bytes, the text."""
    (units,) = struct.unpack_from(">H", resources, place)
    return resources[place + 6 : place + 6 + 2 * units].decode("utf-16-be")


def extract(resources: bytes, folder: Path) -> list[LabelledTrack]:
    """Write the recordings into a folder; what a labelled manifest says of them."""
    folder.mkdir(parents=True, exist_ok=True)
    tracks = []
    for name, sound in sorted(resource_files(resources)):
        path = folder / name
        if path.suffix == ".ogg":
            path.write_bytes(sound)
            labels = {_LABELS[path.stem]: 1} if path.stem in _LABELS else {}
            tracks.append(
                LabelledTrack(
                    path.stem,
                    str(path.absolute()),
                    Labels.of({**labels, ALL: -1}),
                    group=path.stem,
                    training_opt_in=True,
                    split=Split.TEST,
                    licence=_LICENCE,
                )
            )
    return tracks


def main() -> int:
    """Extract them, if the package is installed; exit code 2 if it is not."""
    parser = argparse.ArgumentParser(prog="python -m examples.instruments.recordings", description=__doc__)
    parser.add_argument("--output", type=Path, required=True, help="folder for them and their manifest")
    output: Path = parser.parse_args().output
    if not RESOURCES.exists():
        print("no real recordings: apt-get install --no-install-recommends gcompris-qt-data", file=sys.stderr)
        return 2
    tracks = extract(RESOURCES.read_bytes(), output / "clips")
    write_labelled(tracks, str(output / "manifest.csv"))
    print(f"{output / 'manifest.csv'}: {len(tracks)} recordings")
    return 0


if __name__ == "__main__":
    sys.exit(main())
