"""`tonearm show`: tags for people, of all tracks or of one, and a picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.catalog import keys, tonearm

Show = Callable[..., str]

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def tagged(samples: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The tables of the sample tracks."""
    output = tmp_path_factory.mktemp("tagged") / "tables"
    assert tonearm("ingest", samples, "--output", output) == 0
    return output


@pytest.fixture
def shown(tagged: Path, capsys: pytest.CaptureFixture[str]) -> Show:
    """What the command prints for further arguments."""

    def show(*arguments: str | Path) -> str:
        assert tonearm("show", tagged, *arguments) == 0
        return capsys.readouterr().out

    return show


def test_a_line_a_track_with_its_selected_tags_by_facet(shown: Show) -> None:
    lines = [line.strip() for line in shown().splitlines()]
    header = next(line for line in lines if line.startswith("track"))
    assert header.split() == ["track", "genre", "mood", "instrument", "voice", "era", "tempo"]
    prelude = next(line for line in lines if line.startswith("bach_prelude.flac"))
    assert "classical" in prelude
    assert "piano" in prelude
    assert any("Gymnopédie nº 1.m4a" in line for line in lines)


def test_the_limit_says_how_many_more_there_are(shown: Show) -> None:
    assert "… and 6 more" in shown("--limit", "2")


@pytest.mark.parametrize("name", ["bach_prelude", "prelude.flac"])
def test_one_track_is_told_in_full_by_its_id_or_a_part_of_its_uri(shown: Show, name: str) -> None:
    told = shown(name)
    for expected in ("bach_prelude.flac", "flac, 32000 Hz, 2 channels", "composer: Johann Sebastian Bach"):
        assert expected in told
    assert "0:15–0:28" in told
    assert "● classical" in told


def test_segments_need_the_tagger_that_gave_the_scores(
    tagged: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tonearm("show", tagged, "bach_prelude", "--tagger", "no_such_tagger") == 2
    assert "no_such_tagger" in capsys.readouterr().err


def test_a_picture_is_drawn(shown: Show, tmp_path: Path) -> None:
    picture = tmp_path / "prelude.png"
    assert str(picture) in shown("bach_prelude", "--picture", picture)
    content = picture.read_bytes()
    assert content.startswith(PNG)
    width, height = (int.from_bytes(content[start : start + 4], "big") for start in (16, 20))
    assert (width, height) == (1600, 800)


def test_a_track_that_is_not_there_is_a_wrong_call(tagged: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tonearm("show", tagged, "no such track") == 2
    assert "'no such track'" in capsys.readouterr().err


@pytest.mark.parametrize("name", ["no_such_folder/song.png", "song.no_image", "."])
def test_a_picture_that_cannot_be_written_is_a_wrong_call(
    name: str, songs: Path, output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tonearm("ingest", songs / "flac.flac", "--output", output)
    assert tonearm("show", output, keys(output)[0][0], "--picture", tmp_path / name) == 2
    assert "the picture cannot be written to" in capsys.readouterr().err


def test_a_picture_of_a_track_that_vanished_is_a_wrong_call(
    songs: Path, output: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    song = tmp_path / "song.flac"
    song.write_bytes((songs / "flac.flac").read_bytes())
    tonearm("ingest", song, "--output", output)
    song.unlink()
    assert tonearm("show", output, keys(output)[0][0], "--picture", tmp_path / "song.png") == 2
    assert "cannot be drawn" in capsys.readouterr().err
    assert not (tmp_path / "song.png").exists()
