"""Recordings are taken out of a Qt resource file."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from examples.instruments.recordings import extract, resource_files


def _resources(files: dict[str, bytes]) -> bytes:
    """A folder with files, as Qt's rcc lays them out in version 2: tree, contents, names."""
    names, contents = bytearray(), bytearray()
    nodes = [struct.pack(">IHIIQ", 0, 2, len(files), 1, 0)]
    for name, content in files.items():
        nodes.append(struct.pack(">IHHHIQ", len(names), 0, 0, 0, len(contents), 0))
        contents += struct.pack(">I", len(content)) + content
        names += struct.pack(">HI", len(name), 0) + name.encode("utf-16-be")
    tree = b"".join(nodes)
    header = struct.pack(">4sIIII", b"qres", 2, 20, 20 + len(tree), 20 + len(tree) + len(contents))
    return header + tree + bytes(contents) + bytes(names)


def test_recordings_and_their_labels_are_found(tmp_path: Path) -> None:
    resources = _resources({"README": b"text", "violin.ogg": b"OggS-violin", "harp.ogg": b"OggS-harp"})
    tracks = extract(resources, tmp_path)
    assert {track.track_id: track.labels.positives for track in tracks} == {
        "harp": set(),
        "violin": {"strings"},
    }
    assert Path(tracks[1].uri).read_bytes() == b"OggS-violin"


def test_another_file_is_refused() -> None:
    with pytest.raises(ValueError, match="not a Qt resource file"):
        list(resource_files(b"RIFF" + bytes(40)))
