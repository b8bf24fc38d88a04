"""A bundle of another architecture, with calibrated tags, in whole runs: tables, what is shown, a cluster."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from tests.bundle_drafts import INSTRUMENTS, instruments_draft
from tests.catalog import table, tonearm, write_song
from tonearm.models.bundles.loading import load_tagger
from tonearm.models.bundles.tags import tag_scores
from tonearm.models.bundles.writing import write_bundle

pytest_plugins = ["tests.servers.prism"]

EMBEDDING_SIZE = 200


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundles") / "instruments"
    write_bundle(folder, instruments_draft())
    return folder


@pytest.fixture
def songs(tmp_path: Path) -> Path:
    folder = tmp_path / "songs"
    folder.mkdir()
    write_song(folder / "long.flac", seconds=32.0)
    write_song(folder / "short.mp3", "mp3", from_hz=300.0)
    return folder


def test_it_tags_and_its_tags_are_shown(
    bundle: Path, songs: Path, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tonearm("ingest", songs, "--output", output, "--tagger", bundle, "--max_patches", "8") == 0
    tracks = {Path(row["uri"]).stem: row for row in table(output, "track_tags")}
    assert {row["tagger"] for row in tracks.values()} == {"instruments@1"}
    tagger = load_tagger(str(bundle))
    for row in tracks.values():  # every tag has one unit, so the raw track score is all that counts
        expected = tag_scores(tagger, np.array([row["scores"]], np.float32))
        assert {tag["tag"]: tag["score"] for tag in row["tags"]} == pytest.approx(
            {tag.tag: tag.score for tag in expected}, abs=1e-6
        )
    embeddings = table(output, "embeddings")
    assert {(row["dim"], len(row["vector"])) for row in embeddings} == {(EMBEDDING_SIZE, EMBEDDING_SIZE)}
    segments = table(output, "segments")
    assert len(segments) > len(tracks)
    assert {len(row["scores"]) for row in segments} == {len(INSTRUMENTS)}
    capsys.readouterr()
    assert tonearm("show", output, "long", "--tagger", bundle) == 0
    page = capsys.readouterr().out
    assert "instruments@1" in page
    assert all(instrument in page for instrument in INSTRUMENTS)
    assert "0:15" in page
    assert tonearm("show", output, "long") == 0
    page = capsys.readouterr().out
    assert all(instrument in page for instrument in INSTRUMENTS)
    assert "give it with --tagger" in page


@pytest.mark.slow
def test_on_prism(bundle: Path, songs: Path, output: Path, tmp_path: Path, prism: tuple[str, ...]) -> None:
    assert tonearm("ingest", songs, "--output", output, "--tagger", bundle) == 0
    assert tonearm("ingest", songs, "--output", tmp_path / "prism", "--tagger", bundle, *prism) == 0
    here, there = (
        {row["uri"]: (row["scores"], row["tags"]) for row in table(folder, "track_tags")}
        for folder in (output, tmp_path / "prism")
    )
    assert here == there
