"""A storage scheme is added in one place: a line of the registry makes it an input, a tagger, an output."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.catalog import counts, table, tonearm
from tests.pipelines.memory_storage import MemoryStorage
from tonearm.model_artifacts import __file__ as artifacts
from tonearm.transforms.storage import schemes


def test_a_scheme_of_ones_own_serves_everything(
    songs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    place = f"{MemoryStorage.__module__}:{MemoryStorage.__name__}"
    monkeypatch.setitem(schemes._IMPLEMENTATIONS, "memory", place)
    monkeypatch.setattr(MemoryStorage, "objects", {})
    storage = MemoryStorage()
    for song in songs.iterdir():
        storage.write(f"memory://b/in/{song.name}", song.read_bytes())
    for file in (Path(artifacts).parent / "musicnn").iterdir():
        if file.is_file():
            storage.write(f"memory://b/tagger/{file.name}", file.read_bytes())
    rows = "".join(f"{song.stem},../in/{song.name}\n" for song in songs.iterdir())
    storage.write("memory://b/lists/all.csv", f"track_id,uri\n{rows}".encode())
    options = ("--output", "memory://b/tags", "--tagger", "memory://b/tagger")
    assert tonearm("ingest", "memory://b/in", *options) == 0
    assert tonearm("ingest", "memory://b/lists/all.csv", *options) == 0
    for uri, stored in storage.objects.items():
        if uri.startswith("memory://b/tags/"):
            target = tmp_path / uri.removeprefix("memory://b/")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(stored.content)
    assert len(table(tmp_path / "tags", "track_tags")) == 8
    assert counts(tmp_path / "tags") == (4, 4, 0, 0)
    capfd.readouterr()
    assert tonearm("show", "memory://b/tags", "flac") == 0
    assert "memory://b/in/flac.flac" in capfd.readouterr().out
