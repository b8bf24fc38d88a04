"""Streaming inserts against a server: refused rows become failures, rows sent twice are one in the views."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import apache_beam as beam
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from tests.tracks import NOON, analysis_of
from tonearm.transforms.elements.track import Track
from tonearm.transforms.tables.bigquery import stream as stream_module
from tonearm.transforms.tables.bigquery.output import BigQueryOutput
from tonearm.transforms.tables.bigquery.stream import InsertError, StreamWriter
from tonearm.transforms.tables.refusal import RowsRefusedError
from tonearm.transforms.tables.rows import Provenance, name_of_row, rows_of
from tonearm.transforms.tables.schemas import Row
from tonearm.transforms.tables.sink import GatherDurably, WriteTables

if TYPE_CHECKING:
    from tests.bigquery_datasets import ServedDataset

pytest_plugins = ["tests.bigquery_datasets"]

PROVENANCE = Provenance("run", "musicnn@1", "98e098809151")
TRACKS = [Track(f"track {number}", f"/music/{number}.flac", "1-10") for number in range(10)]


@pytest.fixture
def tables(target: ServedDataset) -> ServedDataset:
    """A dataset with empty tables."""
    BigQueryOutput(target.dataset).prepare()
    return target


def stream(tracks: Sequence[Track], target: ServedDataset, run_id: str = "run") -> None:
    """Send tracks through the sink as a cluster does."""
    provenance = replace(PROVENANCE, run_id=run_id)
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        analyses = pipeline | beam.Create([analysis_of(track) for track in tracks])
        analyses | WriteTables(GatherDurably(), StreamWriter(target.dataset), provenance)


def track_row(track: Track = TRACKS[0], **other: Any) -> Row:
    """A row of ``track_tags``."""
    (row,) = rows_of(analysis_of(track), PROVENANCE)["track_tags"]
    return row | other


def names(rows: Iterable[Row]) -> list[str]:
    """The tracks of rows, sorted."""
    return sorted(row["track_id"] for row in rows)


def test_a_stream_fills_the_tables_as_a_load_does(tables: ServedDataset) -> None:
    stream(TRACKS, tables)
    for name in ("track_tags", "embeddings"):
        assert names(tables.rows(name)) == names(map(track_row, TRACKS))
    assert len(tables.rows("segments")) == 2 * len(TRACKS)
    output = BigQueryOutput(tables.dataset)
    streamed = tables.rows("track_tags")
    output.staging_writer("wave").write("track_tags", [track_row(track) for track in TRACKS])
    output.commit("wave", {"track_tags": len(TRACKS)})
    assert sorted(map(str, tables.rows("track_tags"))) == sorted(map(str, streamed))


def test_a_row_that_bigquery_refuses_becomes_a_failure_with_its_reason(tables: ServedDataset) -> None:
    tables.server.refusals.when = lambda row: row["track_id"] == "track 3" and "tags" in row
    try:
        stream(TRACKS, tables, run_id="refused")  # the server remembers verdicts by insert id
    finally:
        tables.server.refusals.when = None
    assert names(tables.rows("track_tags")) == names(map(track_row, TRACKS[:3] + TRACKS[4:]))
    (failed,) = tables.rows("failures")
    assert (failed["track_id"], failed["stage"], failed["error"]) == ("track 3", "write", "row_refused")
    assert failed["message"] == "injected fault: this row is refused"
    latest = tables.query("SELECT DISTINCT track_id FROM {dataset}.segments_latest")
    assert names(latest) == names(tables.rows("track_tags"))


def test_what_is_streamed_twice_and_what_was_replaced_is_one_row_in_the_views(tables: ServedDataset) -> None:
    stream(TRACKS[:2], tables)
    stream(TRACKS[:2], tables)
    StreamWriter(tables.dataset).write(
        "track_tags", [track_row(run_id="later", analyzed_at=NOON.replace(hour=13))]
    )
    assert len(tables.rows("track_tags")) == 5
    latest = tables.query("SELECT track_id, run_id FROM {dataset}.track_tags_latest ORDER BY track_id")
    assert latest == [{"track_id": "track 0", "run_id": "later"}, {"track_id": "track 1", "run_id": "run"}]
    for view, parts in (("segments_latest", 2), ("embeddings_latest", 1)):
        assert names(tables.query(f"SELECT track_id FROM {{dataset}}.{view}")) == ["track 1"] * parts


def test_rows_that_do_not_fit_one_request_go_in_several(
    tables: ServedDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "MAX_REQUEST_BYTES", 2000)
    rows = [track_row(track) for track in TRACKS]
    rows[4]["metadata"] = [("note", "x" * 3000)]
    with pytest.raises(RowsRefusedError, match="2,000") as refused:
        StreamWriter(tables.dataset).write("track_tags", rows)
    assert names(refusal.row for refusal in refused.value.refusals) == ["track 4"]
    assert len(tables.rows("track_tags")) == 9


def test_a_fault_of_bigquerys_own_is_no_refusal() -> None:
    with pytest.raises(InsertError, match="backendError"):
        stream_module._reason({"reason": "backendError", "message": "try again"})


def test_an_insert_id_is_of_the_key_and_the_run() -> None:
    again = track_row(analyzed_at=NOON.replace(hour=14))
    assert name_of_row("track_tags", track_row()) == name_of_row("track_tags", again)
    others = [track_row(run_id="other"), track_row(generation="2-10"), track_row(TRACKS[1])]
    assert len({name_of_row("track_tags", row) for row in [track_row(), *others]}) == 4
