"""Calls of a library that complains on standard error only, or never comes back."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator

import pytest

from tonearm.transforms.audio.decoders import watched_calls
from tonearm.transforms.audio.decoders.decoder import DecoderError
from tonearm.transforms.audio.decoders.watched_calls import WatchedCalls


@pytest.fixture
def calls() -> WatchedCalls:
    return WatchedCalls("The library", complaint=b"Alas")


@pytest.fixture
def for_ever() -> Iterator[threading.Event]:
    """What a call can wait for that does not come back while the test lasts."""
    event = threading.Event()
    yield event
    event.set()


def test_a_call_returns_and_raises_what_it_does(calls: WatchedCalls) -> None:
    assert calls.make(lambda: 42) == 42
    with pytest.raises(ZeroDivisionError):
        calls.make(lambda: 1 / 0)


def test_other_words_on_standard_error_are_swallowed(
    calls: WatchedCalls, capfd: pytest.CaptureFixture[str]
) -> None:
    assert calls.make(lambda: os.write(2, b"by the way\n")) == 11
    os.write(2, b"heard\n")
    assert capfd.readouterr().err == "heard\n"


def test_a_complaint_is_an_error(calls: WatchedCalls) -> None:
    with pytest.raises(DecoderError, match="The library met damage"):
        calls.make(lambda: os.write(2, b"Alas\n"))
    assert not calls.is_stuck
    assert calls.make(lambda: 42) == 42


def test_who_complains_and_goes_on_for_long_is_left_behind(
    calls: WatchedCalls, for_ever: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watched_calls, "_LONGEST_AFTER_COMPLAINT_S", 0.1)

    def complain() -> None:
        os.write(2, b"Alas\n")
        for_ever.wait()

    with pytest.raises(DecoderError, match="met damage and came to no end") as left:
        calls.make(complain)
    assert not left.value.retriable
    assert calls.is_stuck
    with pytest.raises(DecoderError, match="hangs on an earlier file"):
        calls.make(lambda: 42)


def test_who_goes_on_for_ever_is_left_behind(
    calls: WatchedCalls, for_ever: threading.Event, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watched_calls, "_LONGEST_CALL_S", 0.1)
    with pytest.raises(DecoderError, match="came to no end") as left:
        calls.make(for_ever.wait)
    assert left.value.retriable
