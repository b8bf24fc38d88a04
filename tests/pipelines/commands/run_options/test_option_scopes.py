"""Options that would have no effect: refused, with what they are for."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.catalog import tonearm
from tonearm.pipelines.commands import ingest as ingest_command
from tonearm.pipelines.runs.order import IngestOrder
from tonearm.pipelines.runs.stream_input import StreamInput

SUBSCRIPTION = ("--subscription", "projects/p/subscriptions/s")
CLUSTER = ("--runner", "PrismRunner")


@pytest.mark.parametrize(
    ("call", "complaint"),
    [
        (("{songs}", "--poll_seconds", "3"), "--poll_seconds is for --watch"),
        ((*SUBSCRIPTION, "--poll_seconds", "3"), "--poll_seconds is for --watch"),
        (("{songs}", "--catch_up", "{songs}"), "--catch_up is for --subscription"),
        (("--watch", "{songs}", "--catch_up", "{songs}"), "--catch_up is for --subscription"),
        (("{songs}", "--prefix", "gs://bucket/in/"), "--prefix is for --subscription"),
        (("{songs}", "--suffix", ".mp3"), "--suffix is for --subscription and --watch; as INPUT use a glob"),
        (("{songs}", "--max_wave_seconds", "3"), "--max_wave_seconds is for --subscription and --watch"),
        ((*SUBSCRIPTION, "--max_wave_seconds=3", *CLUSTER), "--max_wave_seconds is for"),
        (("{songs}", "--wave_tracks", "3", *CLUSTER), "--wave_tracks is for runs on one machine"),
        (("{songs}", "--direct_num_workers", "3", *CLUSTER), "--direct_num_workers is for runs on one"),
        ((*SUBSCRIPTION, "--retag", *CLUSTER), "--retag is for"),
        (("{songs}", "--bigquery_write_method", "STREAMING_INSERTS"), "--bigquery_write_method is for"),
    ],
)
def test_an_option_without_an_effect_is_refused(
    call: tuple[str, ...], complaint: str, songs: Path, output: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    filled = [argument.format(songs=songs) for argument in call]
    assert tonearm("ingest", *filled, "--output", output) == 2
    assert complaint in capsys.readouterr().err
    assert not output.exists()


@pytest.mark.parametrize("output", ["gs://catalog/in/tags", "gs://catalog/in/tags/", "GS://catalog/in/tags"])
def test_a_stream_knows_the_files_of_its_own_tables_however_the_output_is_spelt(
    output: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    orders: list[IngestOrder] = []
    monkeypatch.setattr(ingest_command, "run_order", lambda order, most_failed: orders.append(order))
    assert tonearm("ingest", *SUBSCRIPTION, "--output", output) == 0
    (order,) = orders
    assert isinstance(order.input, StreamInput)
    assert order.input.wanted.is_in_output("gs://catalog/in/tags/runs/run.parquet")
