"""Backfills on a cluster: staged by load jobs, committed by the graph itself, whole after any fault."""

from __future__ import annotations

import signal
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import catalog
from tests.catalog import errors, keys, start_tonearm, table, tonearm, write_song
from tests.servers.processes import wait_for
from tonearm.transforms.tables.bigquery.load import StagingWriter
from tonearm.transforms.tables.bigquery.output import BigQueryOutput
from tonearm.transforms.tables.contract import SeveralWriters
from tonearm.transforms.tables.schemas import Row

if TYPE_CHECKING:
    from tests.bigquery_datasets import ServedDataset

pytest_plugins = ["tests.bigquery_datasets", "tests.servers.prism"]

FN_API = ("--runner", "apache_beam.runners.portability.fn_api_runner.FnApiRunner")
"""By its full name, Beam's local runner is a cluster to us."""


@pytest.fixture
def library(tmp_path: Path) -> Path:
    """Three tracks and a broken one."""
    (folder := tmp_path / "library").mkdir()
    for number in range(3):
        write_song(folder / f"{number}.flac", from_hz=200.0 + 100 * number)
    (folder / "broken.mp3").write_bytes(b"no audio at all" * 100)
    return folder


def tagged(target: ServedDataset) -> list[str]:
    """Names of the tagged files."""
    return sorted(Path(row["uri"]).name for row in target.rows("track_tags"))


def test_a_backfill_goes_by_load_jobs_and_again_adds_nothing(library: Path, target: ServedDataset) -> None:
    before = len(target.server.faults.requests)
    assert tonearm("ingest", library, "--output", target.location, *FN_API) == 0
    assert target.counts() == (4, 3, 0, 1)
    assert len(target.keys()) == len(set(target.keys())) == 3
    assert target.keys() == target.keys("embeddings") == target.keys("segments")
    assert target.staging() == []
    requests = [request for _, request, _ in target.server.faults.requests[before:]]
    assert any("/upload/" in request for request in requests)
    assert not any("insertAll" in request for request in requests)
    assert tonearm("ingest", library, "--output", target.location, *FN_API) == 0
    assert target.counts() == (4, 0, 4, 0)
    assert len(target.keys()) == 3
    assert len(target.rows("failures")) == 1


@pytest.mark.slow
def test_tagging_again_replaces_the_rows(library: Path, target: ServedDataset) -> None:
    for seconds in ("1", "30"):
        options = ("--retag", "--segment_seconds", seconds)
        assert tonearm("ingest", library, "--output", target.location, *options, *FN_API) == 0
    assert len(target.rows("segments")) == len(target.rows("track_tags")) == 3
    last_run = max(row["run_id"] for row in target.rows("runs"))
    assert {row["run_id"] for row in target.rows("track_tags")} == {last_run}


@pytest.mark.slow
def test_both_outputs_hold_the_same(library: Path, output: Path, target: ServedDataset) -> None:
    both = ("--output", output, "--output", target.location)
    assert tonearm("ingest", library, *both, *FN_API) == 0
    assert target.counts() == catalog.counts(output) == (4, 3, 0, 1)
    assert target.keys() == keys(output)
    assert target.staging() == staged_files(output) == []


def test_a_track_whose_row_is_refused_fails_in_both_outputs(
    library: Path, output: Path, target: ServedDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(
        BigQueryOutput,
        "backfill_writer",
        lambda self, run: SeveralWriters((StagingWriter(self._dataset, run, max_row_bytes=20_000),)),
    )
    names = sorted(library.glob("*.flac"))
    rows = [{"track_id": name.stem, "uri": str(name), "note": "plain"} for name in names]
    rows[1]["note"] = "x" * 30_000
    manifest = catalog.write_manifest(output.parent / "catalog.csv", rows)
    both = ("--output", output, "--output", target.location)
    assert tonearm("ingest", manifest, *both, *FN_API) == 0
    assert target.counts() == catalog.counts(output) == (3, 2, 0, 1)
    assert tagged(target) == [names[0].name, names[2].name]
    assert target.keys("segments") == target.keys() == keys(output)
    (failed,) = target.rows("failures")
    assert (failed["track_id"], failed["stage"], failed["error"]) == ("1", "write", "row_refused")
    assert "20,000" in failed["message"]
    assert errors(output) == {names[1].name: "row_refused"}


def staged_files(output: Path) -> list[str]:
    """Files that wait for a commit."""
    return [name for name in catalog.leftovers(output) if (output / name).is_file()]


class StorageError(Exception):
    """Stands in for an outage."""


def failing(write: Callable[..., int], when: Callable[[str, Sequence[Row]], bool]) -> Callable[..., int]:
    """A writer's method that fails for some batches."""

    def write_or_fail(self: StagingWriter, table: str, rows: Sequence[Row]) -> int:
        if when(table, rows):
            raise StorageError
        return write(self, table, rows)

    return write_or_fail


@pytest.mark.slow
def test_what_a_failed_job_had_written_whole_need_not_be_worked_again(
    library: Path, tmp_path: Path, target: ServedDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of three tracks in three batches, the last one's row of ``track_tags`` is not written."""
    songs = [{"track_id": song.stem, "uri": str(song)} for song in sorted(library.glob("*.flac"))]
    manifest = catalog.write_manifest(tmp_path / "catalog.csv", songs)
    staged: list[str] = []

    def is_third(table: str, rows: Sequence[Row]) -> bool:
        staged.extend(row["track_id"] for row in rows if table == "track_tags")
        return len(staged) == 3

    with monkeypatch.context() as patched:
        patched.setattr(StagingWriter, "write", failing(StagingWriter.write, is_third))
        assert tonearm("ingest", manifest, "--output", target.location, *FN_API) == 1
    assert sorted(row["track_id"] for row in target.rows("track_tags")) == sorted(staged[:2])
    assert target.keys("segments") == target.keys("embeddings") == target.keys()
    assert target.staging() == []
    assert tonearm("ingest", manifest, "--output", target.location, *FN_API) == 0
    assert len(set(target.keys())) == len(target.keys()) == 3
    assert target.counts() == (3, 1, 2, 0)


@pytest.mark.parametrize("with_parquet", [True, pytest.param(False, marks=pytest.mark.slow)])
def test_a_job_that_is_gone_before_its_commit_is_worked_again_and_doubles_nothing(
    library: Path, output: Path, target: ServedDataset, monkeypatch: pytest.MonkeyPatch, with_parquet: bool
) -> None:
    def never(self: BigQueryOutput, wave: str) -> None:
        raise StorageError

    outputs = ("--output", target.location, *(("--output", output) if with_parquet else ()))
    with monkeypatch.context() as patched:
        patched.setattr(BigQueryOutput, "commit", never)
        assert tonearm("ingest", library, *outputs, *FN_API) == 1
    assert target.staging()
    assert target.rows("track_tags") == table(output, "track_tags") == []
    assert tonearm("ingest", library, *outputs, *FN_API) == 0
    assert target.counts() == (4, 3, 0, 1)
    assert len(set(target.keys())) == len(target.keys()) == 3
    if with_parquet:
        assert keys(output) == target.keys()


@pytest.mark.slow
def test_on_prism(library: Path, output: Path, target: ServedDataset, prism: tuple[str, ...]) -> None:
    both = ("--output", output, "--output", target.location)
    for expected in ((4, 3, 0, 1), (4, 0, 4, 0)):
        assert tonearm("ingest", library, *both, *prism) == 0
        assert target.counts() == catalog.counts(output) == expected
    assert len(set(target.keys())) == len(target.keys()) == 3
    assert keys(output) == target.keys()
    assert target.staging() == staged_files(output) == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_job_ends_well_when_the_command_that_submitted_it_is_gone(
    library: Path,
    output: Path,
    target: ServedDataset,
    prism_elsewhere: tuple[str, ...],
    number: signal.Signals,
) -> None:
    both = ("--output", output, "--output", target.location)
    command = start_tonearm("ingest", library, *both, *prism_elsewhere)
    assert command.stdout is not None
    while "the cluster runs job" not in (line := command.stdout.readline()):
        assert line, "the command ended before it submitted its job"
    command.send_signal(number)
    said, _ = command.communicate()
    if number == signal.SIGTERM:
        assert command.returncode == 1
        assert "goes on with job" in said
    wait_for(lambda: len(keys(output)) == 3, timeout_s=60, what="the job's commit")
    assert target.keys() == target.keys("segments") == target.keys("embeddings") == keys(output)
    assert len(target.rows("failures")) == len(table(output, "failures")) == 1
    (run,) = target.rows("runs")
    assert run["ended"] is None
    assert target.staging() == []
