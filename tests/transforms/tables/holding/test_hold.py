"""One run holds an output: on a disk, in both stores and in BigQuery, whichever host the other run is on."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
import threading
import time
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.catalog import counts, keys, leftovers, table, tonearm
from tests.cloud import BUCKET
from tests.tracks import analysis_of
from tonearm.pipelines.local.share_runner import ShareRunner
from tonearm.transforms.elements.track import Track
from tonearm.transforms.storage.schemes import forget_storages
from tonearm.transforms.tables.contract import Output, OutputInUseError
from tonearm.transforms.tables.holding import hold as hold_module
from tonearm.transforms.tables.holding import place as place_module
from tonearm.transforms.tables.holding.hold import Hold, HoldLostError, held
from tonearm.transforms.tables.holding.holder import Holder, counted_as_holding, process_name
from tonearm.transforms.tables.outputs import output_at
from tonearm.transforms.tables.rows import Provenance, rows_of
from tonearm.transforms.tables.stored_rows import table_rows

pytest_plugins = ["tests.bigquery_datasets"]

ELSEWHERE = Holder("20260314T120000-0ther", "batch", "other-host", "", "2026-03-14T12:00:00+00:00")
"""A run on another host, of whose process nobody here can know."""

HERE = Holder.here("20260314T130000-m1ne", "batch")


@pytest.fixture(params=["disk", "gs", "s3", "bigquery"])
def location(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """An output of each kind of store."""
    match request.param:
        case "disk":
            return str(tmp_path / "tables")
        case "bigquery":
            return str(request.getfixturevalue("target").location)
        case scheme:
            server: Any = request.getfixturevalue("gcs_server" if scheme == "gs" else "s3_server")
            server.create_bucket(BUCKET)
            return f"{scheme}://{BUCKET}/tags [v2]"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Signs of life come quickly, and their absence is noticed soon."""
    monkeypatch.setattr(hold_module, "SIGN_SECONDS", 0.2)
    monkeypatch.setattr(place_module, "DEAD_SECONDS", 1.5)
    for module in (hold_module, place_module):
        monkeypatch.setattr(module, "LOOK_SECONDS", 0.05)
    forget_storages()


@pytest.fixture
def output(location: str) -> Output:
    """The output, with its tables."""
    output = output_at([location])
    output.prepare()
    return output


def test_a_run_beside_a_living_one_is_refused_with_its_name_host_and_last_sign(output: Output) -> None:
    with held(output, ELSEWHERE):
        for _ in range(2):
            with pytest.raises(OutputInUseError) as refused, held(output, HERE):
                pass
        said = str(refused.value)
        assert "run 20260314T120000-0ther (batch) on host other-host" in said
        last_sign = said.split("last sign of life at ")[1].split(". Wait", maxsplit=1)[0]
        assert last_sign.startswith(time.strftime("%Y-"))
    with held(output, HERE):
        pass


def test_a_run_that_gives_no_sign_is_taken_over_and_cleared_up_after(output: Output, location: str) -> None:
    dead = Hold(output.boards(), ELSEWHERE)
    dead.take()
    stage(output, f"{ELSEWHERE.run_id}-000001", "dead")
    stage(output, "20991231T000000-al1ve-000001", "alive")
    began = time.monotonic()
    with held(output, HERE) as hold:
        assert time.monotonic() - began > 1.0
        assert hold.dead_runs == (ELSEWHERE.run_id,)
        with pytest.raises(HoldLostError, match="m1ne"):
            dead.sign()
        with pytest.raises(HoldLostError, match="the same command does the rest"):
            dead.require()
        output.commit("20991231T000000-al1ve-000001", ROWS)
    assert [row["track_id"] for row in table_rows(location, "track_tags")] == ["alive"]
    assert all(board.read() is None for board in output.boards())


ROWS = {"segments": 2, "embeddings": 1, "track_tags": 1}


def stage(output: Output, commit_id: str, track_id: str) -> None:
    """Stage the rows of one track."""
    writer = output.staging_writer(commit_id)
    provenance = Provenance(commit_id, "t@1", "f")
    for name, rows in rows_of(analysis_of(Track(track_id, "/a.flac")), provenance).items():
        writer.write(name, rows)


def test_of_many_that_take_at_one_moment_one_holds(output: Output) -> None:
    start, over = threading.Barrier(6), threading.Event()
    won, refused = list[int](), list[int]()

    def take(number: int) -> None:
        start.wait()
        try:
            with held(output, Holder(f"run-{number}", "batch", f"host-{number}", "", "")):
                won.append(number)
                over.wait(30)
        except OutputInUseError:
            refused.append(number)
            if len(refused) == 5:
                over.set()

    threads = [threading.Thread(target=take, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(won), len(refused)) == (1, 5)


def test_the_workers_of_a_job_keep_its_hold_when_the_command_is_gone(output: Output) -> None:
    with held(output, ELSEWHERE) as hold:
        hold.leave()
    boards = pickle.loads(pickle.dumps(output.boards()))
    first, second = (Hold.joined(boards, ELSEWHERE.run_id) for _ in range(2))
    with first.signing(), second.signing():
        time.sleep(2.0)
        with pytest.raises(OutputInUseError, match="other-host"), held(output, HERE):
            pass
        second.require()
    first.release()
    with pytest.raises(HoldLostError, match="and no other one does: it has ended, or one took them over"):
        Hold.joined(boards, ELSEWHERE.run_id)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where tables go on a disk."""
    return tmp_path / "tables"


def note_left_by(process: str, folder: Path) -> None:
    """Leave a note of a run of this machine."""
    output = output_at([str(folder)])
    output.prepare()
    Hold(output.boards(), Holder("20260314T120000-0ther", "batch", "this-host", process, "")).take()


def test_a_run_that_was_suspended_keeps_the_output_while_it_has_its_lock(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one in another container, whose process cannot be seen from here."""
    monkeypatch.setattr(hold_module, "_LOCK_SECONDS", 0.2)
    output = output_at([str(folder)])
    output.prepare()
    with output.guarded():
        (suspended := Hold(output.boards(), ELSEWHERE)).take()
        with pytest.raises(OutputInUseError) as refused, held(output, HERE):
            pass
        assert f"{folder}: run {ELSEWHERE.run_id} (batch) on host other-host is writing there" in str(
            refused.value
        )
        suspended.require()
    with held(output, HERE) as hold:
        assert hold.dead_runs == (ELSEWHERE.run_id,)


def test_a_lock_that_is_just_being_given_up_is_waited_for(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(hold_module, "_LOCK_SECONDS", 60.0)
    output = output_at([str(folder)])
    output.prepare()
    with ExitStack() as ending:
        ending.enter_context(output.guarded())
        threading.Timer(0.3, ending.close).start()
        with held(output, HERE):
            pass


def test_a_process_of_this_machine_that_has_ended_is_not_waited_for(
    songs: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(place_module, "DEAD_SECONDS", 300.0)
    process = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    note_left_by(process_name(process.pid), folder)
    assert tonearm("ingest", songs, "--output", folder) == 2
    process.communicate(b"\n")
    assert tonearm("ingest", songs, "--output", folder) == 0
    assert leftovers(folder) == []


def test_a_later_process_of_the_same_number_is_not_taken_for_the_run() -> None:
    machine, number, start = process_name(os.getpid()).rsplit("/", 2)
    earlier = Holder("earlier", "batch", "h", f"{machine}/{number}/{int(start) - 1}", "")
    assert earlier.is_seen_ended()
    assert not earlier.is_seen_alive()


def test_a_run_of_this_process_lives_while_it_holds() -> None:
    with counted_as_holding(HERE.run_id):
        assert HERE.is_seen_alive()
    assert HERE.is_seen_ended()


def test_a_run_that_lost_its_hold_commits_nothing_more(
    songs: Path, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """As on a laptop that was shut between two waves, while another one took the output over."""
    commit = ShareRunner._commit

    def commit_once(self: ShareRunner, *arguments: Any) -> None:
        commit(self, *arguments)
        (board,) = output_at([str(folder)]).boards()
        board.clear()
        Hold([board], ELSEWHERE).take()
        self._hold._signed_at -= 60.0

    monkeypatch.setattr(ShareRunner, "_commit", commit_once)
    options = ("--wave_tracks", "1", "--direct_num_workers", "1")
    assert tonearm("ingest", songs, "--output", folder, *options) == 1
    said = capsys.readouterr().err
    assert "other-host" in said
    assert "took the tables over" in said
    assert len(keys(folder)) == 1
    assert counts(folder) == (1, 1, 0, 0)
    assert len(table(folder, "runs")) == 1


@pytest.mark.parametrize("note", [b"", b'{"run_id": "2026', b"[1]", b"{}"])
def test_a_note_that_is_cut_is_of_a_run_that_may_be_alive_and_is_taken_over_when_it_does_not_change(
    tmp_path: Path, note: bytes
) -> None:
    (output := tmp_path / "tables").mkdir()
    (board := output / "_held_by.json").write_bytes(note)
    began = time.monotonic()
    with held(output_at([str(output)]), HERE) as hold:
        assert time.monotonic() - began > place_module.DEAD_SECONDS
        assert hold.dead_runs == ()
        board.write_bytes(note)
        with pytest.raises(HoldLostError, match="a run whose note cannot be read took the tables over"):
            hold.require()


def test_a_run_whose_clock_stood_still_looks_before_it_commits(location: str) -> None:
    with held(output_at([location]), HERE) as hold:
        board = output_at([location]).boards()[0]
        hold.require()
        while not board.write_if(ELSEWHERE.with_sign().note(), board.read()):
            pass  # a sign of life came in between
        with pytest.raises(HoldLostError):
            hold.require()
