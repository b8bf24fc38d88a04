"""Ctrl-C and SIGTERM: before the first track the run is given up, from then on ended in good order."""

from __future__ import annotations

import os
import signal

import pytest

from tonearm.errors import StoppedError
from tonearm.pipelines.local.stopping import stop_signals_answered


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_before_the_first_track_what_is_held_is_let_go(number: signal.Signals, code: int) -> None:
    let_go = []
    with pytest.raises(StoppedError, match=number.name) as stopped, stop_signals_answered():
        try:
            os.kill(os.getpid(), number)
        finally:
            let_go.append("the output")
    assert stopped.value.exit_code == code
    assert let_go == ["the output"]


def test_later_the_run_is_told_to_stop_and_a_second_signal_would_end_it() -> None:
    before = signal.getsignal(signal.SIGINT)
    told = []
    with stop_signals_answered() as signals:
        signals.stop = lambda: told.append("stop")
        os.kill(os.getpid(), signal.SIGINT)
        assert told == ["stop"]
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert signal.getsignal(signal.SIGINT) is before
