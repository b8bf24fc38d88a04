"""Systems that allow too few threads: one line, exit code 1, and nothing is begun."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.catalog import counts, files_below, tonearm
from tonearm.errors import MachineError
from tonearm.pipelines.local import share_runner
from tonearm.pipelines.runs.thread_limit import require_threads, threads_of


@pytest.fixture
def allow_more(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Have the system refuse threads beyond so many more than there are now, as `ulimit -u` does."""
    start = threading._start_new_thread

    def limit(more: int) -> None:
        most = threading.active_count() + more

        def refuse(*arguments: object) -> int:
            if threading.active_count() > most:  # the one that is to be started is counted already
                raise RuntimeError("can't start new thread")
            return start(*arguments)

        monkeypatch.setattr(threading, "_start_new_thread", refuse)

    return limit


@pytest.mark.parametrize("more", [0, 5, threads_of(2) - 1])
def test_a_run_is_refused_before_its_first_track(
    more: int,
    songs: Path,
    output: Path,
    allow_more: Callable[[int], None],
    capfd: pytest.CaptureFixture[str],
) -> None:
    allow_more(more)
    assert tonearm("ingest", songs, "--output", output, "--direct_num_workers", "2") == 1
    (told,) = capfd.readouterr().err.splitlines()
    assert told.startswith("tonearm: the system allows no more threads: ")
    assert "ulimit -u" in told
    assert not output.exists() or files_below(output) == []


def test_fewer_workers_need_fewer(songs: Path, output: Path, allow_more: Callable[[int], None]) -> None:
    allow_more(threads_of(1))
    assert tonearm("ingest", songs, "--output", output, "--direct_num_workers", "1") == 0
    assert counts(output) == (4, 4, 0, 0)


def test_none_of_the_threads_that_were_asked_for_is_left(allow_more: Callable[[int], None]) -> None:
    before = threading.active_count()
    require_threads(20)
    assert threading.active_count() == before
    allow_more(7)
    with pytest.raises(MachineError, match="20 more are needed, and 7 could be started"):
        require_threads(20)
    assert threading.active_count() == before


def test_a_worker_that_cannot_be_started_ends_the_run_and_not_the_others_work(
    songs: Path, output: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """The limit may be met later, by what else the account runs: the first worker takes no further share."""

    class OneWorker(share_runner.ThreadPoolExecutor):
        def submit(self, *arguments: object, **named: object) -> object:
            if self._threads:
                raise RuntimeError("can't start new thread")
            return super().submit(*arguments, **named)

    monkeypatch.setattr(share_runner, "ThreadPoolExecutor", OneWorker)
    call = ("ingest", songs, "--output", output, "--direct_num_workers", "2", "--wave_tracks", "2")
    assert tonearm(*call) == 1
    assert "no more threads" in capfd.readouterr().err
    monkeypatch.undo()
    assert tonearm(*call) == 0
    assert counts(output)[1] >= 3
