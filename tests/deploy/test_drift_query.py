"""The drift of BigQuery's own SQL is that of ``tonearm drift``, on the same rows."""

from __future__ import annotations

import json
from datetime import date, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from google.cloud import bigquery

from tests.catalog import tonearm
from tests.learning.drift.written_days import rock_on_the_last_day, rows_of_days, run_row
from tonearm.transforms.tables.bigquery.output import BigQueryOutput
from tonearm.transforms.tables.schemas import Row
from tonearm.transforms.tables.stored_rows import table_rows_since

if TYPE_CHECKING:
    from tests.bigquery_datasets import ServedDataset

pytest_plugins = ["tests.bigquery_datasets"]

QUERY = Path(__file__).parents[2] / "deploy" / "bigquery" / "drift.sql"


@pytest.mark.slow
def test_bigquery_itself_finds_what_the_command_finds(
    target: ServedDataset, capsys: pytest.CaptureFixture[str]
) -> None:
    def changed(day: int, row: Row) -> None:
        rock_on_the_last_day(day, row)
        if row["track_id"].endswith("3"):
            row["duration_s"], row["level_db"] = None, None
        row["tags"][1]["score"] = round(row["tags"][1]["score"], 1)  # many are equal

    def tagged_before(day: int, row: Row) -> None:
        row["analyzed_at"] -= timedelta(hours=1)

    rows = rows_of_days(40, tracks=60, change=changed)
    before = [
        row for row in rows_of_days(40, tracks=60, change=tagged_before) if row["track_id"].endswith("7")
    ]
    output = BigQueryOutput(target.dataset)
    output.prepare()
    output.staging_writer("days").write("track_tags", rows)
    output.commit("days", {"track_tags": len(rows)})
    output.stream_writer().write("track_tags", before)
    output.write_run(run_row())
    since = date(2026, 11, 1)
    read = list(table_rows_since(since, target.location, "track_tags", ["ingest_date"]))
    assert len(read) == 9 * (60 + 6) and min(row["ingest_date"] for row in read) == since
    for last in (date(2026, 10, 10), date(2026, 11, 9)):
        assert tonearm("drift", target.location, "--since", last.isoformat(), "--json") in (0, 1)
        (day,) = [day for day in json.loads(capsys.readouterr().out)["days"] if day["day"] == str(last)]
        by_the_command = ("truncated", "failure", "all tags")
        expected = {
            (shift["watched"], shift["name"]): shift
            for shift in day["shifts"]
            if shift["watched"] not in by_the_command
        }
        found = {(row["watched"], row["name"]): row for row in answer(target, last)}
        assert found.keys() == expected.keys()
        for thing, shift in expected.items():
            assert found[thing]["shift"] == pytest.approx(shift["shift"], abs=1e-9)
            assert found[thing]["probability"] == pytest.approx(shift["probability"], rel=1e-6)
            assert found[thing]["is_alarm"] == shift["is_alarm"]
    assert [row["name"] for row in answer(target, date(2026, 10, 10)) if row["is_alarm"]] == ["rock"]


def answer(target: ServedDataset, day: date) -> list[dict[str, Any]]:
    """What BigQuery says of a day."""
    parameters = [
        bigquery.ScalarQueryParameter("run_date", "DATE", day),
        bigquery.ScalarQueryParameter("tagger", "STRING", "ours@1"),
    ]
    config = bigquery.QueryJobConfig(default_dataset=str(target.dataset), query_parameters=parameters)
    job = target.server.client.query(QUERY.read_text(), job_config=config)
    return [dict(row.items()) for row in job.result()]
