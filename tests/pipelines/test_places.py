"""Places as users write them: file URLs of every form, and paths relative to the folder of the command."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path

import pytest

from tests.catalog import counts, table, tonearm, write_manifest
from tonearm.model_artifacts import __file__ as artifacts

pytest_plugins = ["tests.servers.prism"]

FN_API = ("--runner", "apache_beam.runners.portability.fn_api_runner.FnApiRunner")
"""By its full name, Beam's local runner is a cluster to us."""

RUNNERS = [(), FN_API]

FORMS = ["file://{}", "file:{}", "FILE://localhost{}"]


@pytest.fixture
def library(songs: Path, tmp_path: Path) -> Path:
    """One song in a folder whose name a URL has to encode."""
    (folder := tmp_path / "my music").mkdir()
    shutil.copy(songs / "flac.flac", folder)
    return folder


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("runner", RUNNERS)
def test_a_file_url_is_the_path_that_it_stands_for(
    form: str, runner: Sequence[str], library: Path, output: Path
) -> None:
    url = {name: form.format(path) for name, path in {"input": library, "output": output}.items()}
    encoded = url["input"].replace(" ", "%20")
    bundle = form.format(Path(artifacts).parent / "musicnn")
    call = ("ingest", encoded, "--output", url["output"], "--tagger", bundle, *runner)
    assert tonearm(*call) == 0
    assert [row["uri"] for row in table(output, "track_tags")] == [str(library / "flac.flac")]
    assert tonearm("show", url["output"]) == 0
    assert tonearm("ingest", library, "--output", output, *runner) == 0
    assert counts(output) == (1, 0, 1, 0)


def test_a_manifest_and_its_rows_may_be_file_urls(library: Path, output: Path) -> None:
    uri = f"file:{library}/flac.flac".replace(" ", "%20")
    write_manifest(library / "catalog.csv", [{"track_id": "song", "uri": uri}])
    assert tonearm("ingest", f"file:{library}/catalog.csv", "--output", output) == 0
    assert counts(output) == (1, 1, 0, 0)


@pytest.mark.parametrize("runner", RUNNERS)
def test_relative_places_are_meant_from_the_folder_of_the_command(
    runner: Sequence[str], library: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(library.parent)
    bundle = Path(shutil.copytree(Path(artifacts).parent / "musicnn", "tagger"))
    call = ("ingest", "my music", "--output", output.name, "--tagger", f"./{bundle}", *runner)
    assert tonearm(*call) == 0
    assert counts(output) == (1, 1, 0, 0)


@pytest.mark.slow
def test_workers_elsewhere_read_the_folder_that_the_command_means(
    library: Path, output: Path, prism_elsewhere: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prism's workers are processes of their own, with a working folder of their own."""
    monkeypatch.chdir(library.parent)
    shutil.copytree(Path(artifacts).parent / "musicnn", "tagger")
    call = ("ingest", "my music", "--output", output.name, "--tagger", "./tagger", *prism_elsewhere)
    assert tonearm(*call) == 0
    assert counts(output) == (1, 1, 0, 0)


def test_a_folder_that_workers_do_not_see_is_no_empty_catalog(
    library: Path, output: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from tonearm.pipelines.cluster import run

    monkeypatch.setattr(run, "absolute_location", lambda location: "/only/on/the/workers")
    assert tonearm("ingest", library, "--output", output, *FN_API) == 1
    assert "/only/on/the/workers: no such file or folder" in capfd.readouterr().err


def test_an_empty_folder_of_the_same_name_on_the_workers_is_no_empty_catalog(
    library: Path,
    output: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    from tonearm.pipelines.cluster import run

    (theirs := tmp_path / "theirs").mkdir()
    monkeypatch.setattr(run, "absolute_location", lambda location: str(theirs))
    assert tonearm("ingest", library, "--output", output, *FN_API) == 1
    assert f"workers found nothing at {library}, where this machine" in capfd.readouterr().err
    assert tonearm("ingest", theirs, "--output", output, *FN_API) == 0  # it is empty here too


@pytest.mark.parametrize("command", ["show", "retry"])
@pytest.mark.parametrize(
    ("place", "told"),
    [("", "the name of the output is empty"), ("https://host/tags", "no tables can be at https://host/tags")],
)
def test_tables_that_cannot_be_are_told_by_name(
    command: str, place: str, told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tonearm(command, place) == 2
    assert capsys.readouterr().err.startswith(f"tonearm: {told}")


def test_there_are_no_more_workers_than_tracks_may_be_in_flight(
    songs: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tonearm.pipelines.local import share_runner

    asked: list[int] = []
    monkeypatch.setattr(share_runner, "start_decoders", lambda count, *_: asked.append(count))
    call = ("ingest", songs, "--output", output, "--direct_num_workers", "8", "--wave_tracks", "1")
    assert tonearm(*call) == 0
    assert set(asked) == {1}
