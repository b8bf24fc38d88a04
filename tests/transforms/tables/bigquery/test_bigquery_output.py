"""Whole runs into BigQuery, against a server: what stands in the tables, and what a second run adds."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from google.api_core.retry import Retry
from google.cloud import bigquery

from tests.catalog import counts, keys, tonearm, write_manifest, write_song
from tonearm.transforms.tables.bigquery import dataset, load, output
from tonearm.transforms.tables.bigquery.dataset import Dataset
from tonearm.transforms.tables.bigquery.load import StagingWriter
from tonearm.transforms.tables.bigquery.output import BigQueryOutput
from tonearm.transforms.tables.schemas import PER_TRACK_TABLES, SCHEMAS, VISIBILITY_ORDER, Row

if TYPE_CHECKING:
    from tests.bigquery_datasets import ServedDataset

pytest_plugins = ["tests.bigquery_datasets"]


def test_the_tables_are_partitioned_clustered_and_described(target: ServedDataset) -> None:
    BigQueryOutput(target.dataset).prepare()
    for name in VISIBILITY_ORDER:
        table = target.server.client.get_table(target.dataset.table(name))
        assert [field.name for field in table.schema] == SCHEMAS[name].names
        assert all(field.description for field in table.schema)
        assert table.time_partitioning.field == "ingest_date"
        assert table.clustering_fields == ["run_id" if name == "runs" else "track_id"]
    modes = {
        field.name: field.mode for field in target.server.client.get_table(f"{target.name}.track_tags").schema
    }
    assert (modes["track_id"], modes["duration_s"], modes["tags"]) == ("REQUIRED", "NULLABLE", "REPEATED")


def test_a_run_fills_the_tables_and_the_same_run_again_adds_nothing(
    songs: Path, target: ServedDataset
) -> None:
    assert tonearm("ingest", songs, "--output", target.location) == 0
    assert target.counts() == (4, 4, 0, 0)
    assert len(target.keys()) == len(set(target.keys())) == 4
    assert target.keys() == target.keys("embeddings") == target.keys("segments")
    before = target.rows("track_tags")
    assert tonearm("ingest", songs, "--output", target.location) == 0
    assert target.counts() == (4, 0, 4, 0)
    assert target.rows("track_tags") == before
    assert target.staging() == []


def test_both_outputs_hold_the_same(songs: Path, output: Path, target: ServedDataset) -> None:
    (songs_and_more := output.parent / "music").mkdir()
    for song in songs.iterdir():
        (songs_and_more / song.name).symlink_to(song)
    (songs_and_more / "broken.mp3").write_bytes(b"no audio at all" * 100)
    assert tonearm("ingest", songs_and_more, "--output", output, "--output", target.location) == 0
    target.assert_same_as(output)
    assert target.counts() == counts(output) == (5, 4, 0, 1)
    tonearm("ingest", songs_and_more, "--output", target.location, "--output", output)
    assert target.counts() == counts(output) == (5, 0, 5, 0)


@pytest.mark.slow
def test_a_dataset_beside_tables_that_are_filled_already_is_told_and_can_be_filled(
    songs: Path, output: Path, target: ServedDataset, caplog: pytest.LogCaptureFixture
) -> None:
    assert tonearm("ingest", songs, "--output", output) == 0
    assert tonearm("ingest", songs, "--output", output, "--output", target.location) == 0
    assert f"{target.location} lacks 4 tracks that {output} holds" in caplog.text
    assert target.rows("track_tags") == []
    caplog.clear()
    assert tonearm("ingest", songs, "--output", target.location) == 0
    assert tonearm("ingest", songs, "--output", output, "--output", target.location) == 0
    assert "lacks" not in caplog.text
    assert target.keys() == keys(output)


def test_retag_replaces_rows_and_leaves_no_segment_of_before(tmp_path: Path, target: ServedDataset) -> None:
    song = write_song(tmp_path / "song.flac", seconds=12)
    tonearm("ingest", song, "--output", target.location, "--segment_seconds", "3")
    assert len(target.rows("segments")) == 4
    assert tonearm("ingest", song, "--output", target.location, "--retag", "--segment_seconds", "6") == 0
    assert sorted(row["segment_index"] for row in target.rows("segments")) == [0, 1]
    (track,) = target.rows("track_tags")
    last = max(target.rows("runs"), key=lambda row: row["started"])
    assert track["run_id"] == last["run_id"]


def test_show_reads_from_bigquery(
    songs: Path, target: ServedDataset, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tonearm("show", target.location) == 2
    tonearm("ingest", songs, "--output", target.location)
    capsys.readouterr()
    assert tonearm("show", target.location) == 0
    assert "opus.opus" in capsys.readouterr().out
    assert tonearm("show", target.location, "mp3.mp3") == 0
    assert "0:00–0:03" in capsys.readouterr().out


class Killed(BaseException):
    """Stands in for a kill: nobody catches it."""


@pytest.mark.parametrize(
    "merges",
    [
        pytest.param(number, marks=pytest.mark.slow if number else ())
        for number in range(len(PER_TRACK_TABLES))
    ],
)
def test_a_run_that_is_killed_between_two_tables_is_finished_by_the_next(
    tmp_path: Path, target: ServedDataset, monkeypatch: pytest.MonkeyPatch, merges: int
) -> None:
    song = write_song(tmp_path / "song.flac")
    (tmp_path / "broken.mp3").write_bytes(b"no audio at all" * 100)
    query, merged = Dataset.query, iter(range(merges))

    def query_until_killed(self: Dataset, sql: str, *further: Any) -> Any:
        if sql.startswith("MERGE") and next(merged, None) is None:
            raise Killed
        return query(self, sql, *further)

    monkeypatch.setattr(BigQueryOutput, "discard", lambda self, wave: None)
    with monkeypatch.context() as patched, pytest.raises(Killed):
        patched.setattr(Dataset, "query", query_until_killed)
        tonearm("ingest", tmp_path, "--output", target.location, "--direct_num_workers", "1")
    assert target.staging()
    assert tonearm("ingest", tmp_path, "--output", target.location) == 0
    (tagged,) = target.rows("track_tags")
    assert tagged["uri"] == str(song)
    for name in ("segments", "embeddings"):
        assert [row["run_id"] for row in target.rows(name)] == [tagged["run_id"]]
    assert len(target.rows("failures")) == 1


def test_a_commit_may_be_repeated_at_any_point(
    target: ServedDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    output = BigQueryOutput(target.dataset)
    output.prepare()
    output.staging_writer("one-000001").write("failures", [failure("a"), failure("a"), failure("b")])
    with monkeypatch.context() as patched:
        patched.setattr(BigQueryOutput, "_drop", lambda self, staged: None)
        output.commit("one-000001", {"failures": 2})
    output.commit("one-000001", {"failures": 2})
    output.finish_backfill("one-000001", {})
    assert sorted(row["track_id"] for row in target.rows("failures")) == ["a", "b"]
    assert target.staging() == []


def failure(track_id: str) -> Row:
    """A row of ``failures``."""
    moment = datetime.now(UTC)
    texts = dict.fromkeys(
        ("generation", "tagger", "uri", "stage", "error", "message", "run_id", "frontend"), "x"
    )
    return {
        **texts,
        "track_id": track_id,
        "retriable": False,
        "occurred_at": moment,
        "ingest_date": moment.date(),
    }


def test_staging_tables_end_by_themselves_once_no_run_can_be_at_them(
    target: ServedDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As BigQuery is told; the emulator forgets it."""
    made: dict[str, timedelta] = {}
    create = bigquery.Client.create_table

    def noting(self: bigquery.Client, table: bigquery.Table, **options: Any) -> bigquery.Table:
        if table.expires:
            made[table.table_id] = table.expires - datetime.now(UTC)
        return create(self, table, **options)

    monkeypatch.setattr(bigquery.Client, "create_table", noting)
    output = BigQueryOutput(target.dataset)
    output.staging_writer("killed-000001").write("failures", [failure("a")])
    output.backfill_writer("killed").write("failures", [failure("a")])
    output.prepare()
    of_a_wave, of_a_backfill = (made.pop(name) for name in sorted(target.staging()))
    assert timedelta(hours=5) < of_a_wave <= timedelta(hours=6)
    assert timedelta(days=13) < of_a_backfill <= timedelta(days=14)
    assert made == {}


def test_a_track_whose_row_is_refused_fails_in_every_output(
    songs: Path, output: Path, target: ServedDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = [{"track_id": song.stem, "uri": str(song), "note": "plain"} for song in sorted(songs.iterdir())]
    rows[2]["note"] = "x" * 30_000
    manifest = write_manifest(output.parent / "catalog.csv", rows)
    monkeypatch.setattr(
        BigQueryOutput,
        "staging_writer",
        lambda self, wave: StagingWriter(self._dataset, wave, max_row_bytes=20_000),
    )
    assert tonearm("ingest", manifest, "--output", output, "--output", target.location) == 0
    assert target.counts() == counts(output) == (4, 3, 0, 1)
    (failed,) = target.rows("failures")
    assert (failed["track_id"], failed["stage"], failed["error"]) == (
        rows[2]["track_id"],
        "write",
        "row_refused",
    )
    assert "20,000" in failed["message"]
    target.assert_same_as(output)
    assert len(target.keys("segments")) == 3
    tonearm("ingest", manifest, "--output", output, "--output", target.location)
    assert target.counts() == (4, 0, 4, 0)


@pytest.mark.slow
def test_passing_faults_cost_time_and_nothing_else(
    songs: Path, target: ServedDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (dataset, load, output):
        monkeypatch.setattr(module, "REQUEST_SECONDS", 2.0)
    target.server.faults.hang(times=1, method="PUT")
    target.server.faults.hang(times=2, method="POST", path="*/jobs*")
    target.server.faults.fail(status=503, times=5)
    target.server.faults.fail(status=429, times=3, method="POST")
    target.server.faults.cut(after_bytes=10, times=2, path="*/jobs*")
    assert tonearm("ingest", songs, "--output", target.location) == 0
    assert target.counts() == (4, 4, 0, 0)
    assert Counter(target.keys()) == Counter(set(target.keys()))


@pytest.mark.parametrize(
    ("outputs", "said"),
    [
        (["bigquery://dataset"], "bigquery://project.dataset"),
        (["bigquery://project.data`set"], "bigquery://project.dataset"),
        (["bigquery://test-project.missing"], "bq mk"),
        (["bigquery://test-project.one", "bigquery://test-project.two"], "one of each kind"),
        (["one", "two"], "one of each kind"),
    ],
)
def test_an_output_that_cannot_be_is_a_wrong_call(
    songs: Path, target: ServedDataset, capsys: pytest.CaptureFixture[str], outputs: list[str], said: str
) -> None:
    arguments = [part for output in outputs for part in ("--output", output)]
    assert tonearm("ingest", songs, *arguments) == 2
    assert said in capsys.readouterr().err


def test_a_table_of_another_shape_is_left_alone(
    songs: Path, target: ServedDataset, capsys: pytest.CaptureFixture[str]
) -> None:
    target.query("CREATE TABLE {dataset}.track_tags (track_id STRING)")
    assert tonearm("ingest", songs, "--output", target.location) == 2
    assert "track_tags has no column" in capsys.readouterr().err


@pytest.mark.slow
def test_tables_may_require_a_filter_over_their_partitions(songs: Path, target: ServedDataset) -> None:
    target.server.filters.required |= {*VISIBILITY_ORDER}
    for expected in ((4, 4, 0, 0), (4, 0, 4, 0)):
        assert tonearm("ingest", songs, "--output", target.location) == 0
        assert target.counts() == expected
    assert tonearm("ingest", songs, "--output", target.location, "--retag", "--segment_seconds", "1") == 0
    assert len(target.rows("track_tags")) == 4
    assert tonearm("show", target.location, "mp3.mp3") == 0


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is waited for is waited for shortly."""
    quick = Retry(predicate=dataset.is_busy, initial=0.05, maximum=0.1, timeout=2.0)
    monkeypatch.setattr(dataset, "_WHILE_BUSY", quick)


@pytest.mark.parametrize(
    ("status", "reason"),
    [(400, "resourcesExceeded"), (403, "quotaExceeded"), (403, "rateLimitExceeded")],
)
@pytest.mark.parametrize("path", ["*/jobs?*", "*/upload/*"])
@pytest.mark.usefixtures("impatient")
def test_a_full_queue_and_a_quota_are_waited_for(
    target: ServedDataset, status: int, reason: str, path: str
) -> None:
    output = BigQueryOutput(target.dataset)
    output.prepare()
    target.server.faults.fail(status=status, reason=reason, method="POST", path=path, times=3)
    output.staging_writer("one-000001").write("failures", [failure("a")])
    output.commit("one-000001", {"failures": 1})
    assert [row["track_id"] for row in target.rows("failures")] == ["a"]


@pytest.mark.usefixtures("impatient")
def test_a_quota_that_is_used_up_ends_the_run_with_its_reason(
    songs: Path, target: ServedDataset, capsys: pytest.CaptureFixture[str]
) -> None:
    target.server.faults.fail(status=403, reason="quotaExceeded", method="POST", path="*/jobs?*")
    assert tonearm("ingest", songs, "--output", target.location) == 1
    said = capsys.readouterr().err
    assert "BigQuery had no room" in said
    assert "quotas" in said
    assert "Traceback" not in said
    target.server.faults.heal()
    assert tonearm("ingest", songs, "--output", target.location) == 0
    assert target.counts() == (4, 4, 0, 0)


def test_an_account_without_rights_is_not_waited_for(
    songs: Path, target: ServedDataset, capsys: pytest.CaptureFixture[str]
) -> None:
    target.server.faults.fail(status=403, reason="accessDenied", path="*/datasets/*")
    assert tonearm("ingest", songs, "--output", target.location) == 2
    assert "injected fault" in capsys.readouterr().err
