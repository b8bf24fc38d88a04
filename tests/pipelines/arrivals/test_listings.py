"""Listings of a stream: polls never wait for the storage, and nothing that a listing finds is lost."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.catalog import write_song
from tests.servers.processes import wait_for
from tonearm.errors import WrongCallError
from tonearm.pipelines.arrivals import listings
from tonearm.pipelines.arrivals.contract import Delivery
from tonearm.pipelines.arrivals.listings import ListingDeliveries
from tonearm.transforms.elements.arrival import Arrival, track_of
from tonearm.transforms.elements.track import Track
from tonearm.transforms.sources.listing import InputError, ListingError

PATIENCE_S = 20.0


@pytest.fixture
def opened() -> Iterator[list[ListingDeliveries]]:
    """Listings to end with the test."""
    made: list[ListingDeliveries] = []
    yield made
    for each in made:
        each.close()


class Store:
    """Answers listings in the order that a test wants: tracks, errors to raise, or an event to wait for."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: list[Any]) -> None:
        self.listings = 0
        self._answers = list(answers)
        monkeypatch.setattr(listings, "arrivals_at", self.arrivals_at)
        monkeypatch.setattr(listings, "require_usable", lambda location: None)

    def arrivals_at(self, location: str, outputs: object, kind: object) -> Iterator[Arrival]:
        """The next answer; the last one stays."""
        answer = self._answers[min(self.listings, len(self._answers) - 1)]
        self.listings += 1
        for each in answer:
            if isinstance(each, threading.Event):
                each.wait()
            elif isinstance(each, Exception):
                raise each
            else:
                yield each


def track(name: str) -> Track:
    return Track(name, f"gs://b/{name}", "1")


def names(deliveries: list[Delivery]) -> list[str]:
    return [track_of(delivery.arrival).track_id for delivery in deliveries]


def taken(arrivals: ListingDeliveries, count: int) -> list[str]:
    """The next announcements, waited for."""
    found: list[str] = []
    deadline = time.monotonic() + PATIENCE_S
    while len(found) < count and time.monotonic() < deadline:
        found += names(arrivals.poll(count - len(found), 0.1))
    return found


def test_a_poll_does_not_wait_for_a_listing_that_hangs(
    monkeypatch: pytest.MonkeyPatch, opened: list[ListingDeliveries]
) -> None:
    healed = threading.Event()
    Store(monkeypatch, [track("a"), healed, track("b")])
    opened.append(ListingDeliveries("gs://b", 0.01))
    assert taken(opened[0], 1) == ["a"]
    begun = time.monotonic()
    assert opened[0].poll(10, 0) == []
    opened[0].close()
    assert time.monotonic() - begun < PATIENCE_S / 4
    healed.set()


def test_what_one_listing_found_comes_before_its_end(
    monkeypatch: pytest.MonkeyPatch, opened: list[ListingDeliveries]
) -> None:
    healed = threading.Event()
    Store(monkeypatch, [track("a"), track("b"), healed, track("c")])
    opened.append(ListingDeliveries("gs://b", 60))
    assert taken(opened[0], 2) == ["a", "b"]
    healed.set()
    assert taken(opened[0], 1) == ["c"]


def test_a_listing_does_not_run_ahead_of_who_takes(
    monkeypatch: pytest.MonkeyPatch, opened: list[ListingDeliveries]
) -> None:
    drawn: list[int] = []

    def numbers() -> Iterator[Track]:
        for number in range(1_000_000):
            drawn.append(number)
            yield track(str(number))

    monkeypatch.setattr(listings, "_HELD", 10)
    monkeypatch.setattr(listings, "require_usable", lambda location: None)
    monkeypatch.setattr(listings, "arrivals_at", lambda location, outputs, kind: numbers())
    opened.append(ListingDeliveries("gs://b", 60))
    wait_for(lambda: len(drawn) > 10, timeout_s=PATIENCE_S, what="a full queue")
    assert taken(opened[0], 25) == [str(number) for number in range(25)]
    assert len(drawn) <= 25 + 10 + 2


@pytest.mark.parametrize(
    "error",
    [
        ListingError("the listing of gs://b broke off after 1: the storage failed"),
        InputError("gs://b cannot be listed: the storage failed", may_pass=True),
        OSError("gone"),
    ],
)
def test_a_listing_that_breaks_off_is_warned_of_once_and_made_again(
    error: Exception,
    monkeypatch: pytest.MonkeyPatch,
    opened: list[ListingDeliveries],
    caplog: pytest.LogCaptureFixture,
) -> None:
    Store(monkeypatch, [error], [error], [track("a"), error], [track("a"), track("b")])
    opened.append(ListingDeliveries("gs://b", 0.01))
    assert taken(opened[0], 2) == ["a", "b"]
    (warning,) = caplog.records
    assert "gs://b" in warning.message
    assert "gone" not in warning.message  # a library's text may quote a signed URL


def test_an_input_that_was_there_may_vanish_and_come_back(
    monkeypatch: pytest.MonkeyPatch, opened: list[ListingDeliveries], caplog: pytest.LogCaptureFixture
) -> None:
    vanished = InputError("gs://b cannot be listed: no such bucket or object")
    Store(monkeypatch, [], [vanished], [track("a")])
    opened.append(ListingDeliveries("gs://b", 0.01))
    assert taken(opened[0], 1) == ["a"]
    assert "no such bucket" in caplog.text


def test_an_input_that_never_was_there_ends_the_stream(
    monkeypatch: pytest.MonkeyPatch, opened: list[ListingDeliveries]
) -> None:
    away = InputError("gs://b cannot be listed: the storage failed", may_pass=True)
    Store(monkeypatch, [away], [InputError("gs://b cannot be listed: no such bucket or object")])
    opened.append(ListingDeliveries("gs://b", 0.01))
    with pytest.raises(WrongCallError, match="no such bucket"):
        taken(opened[0], 1)


def test_a_sweep_that_breaks_off_is_made_again_and_then_ends(
    monkeypatch: pytest.MonkeyPatch, opened: list[ListingDeliveries]
) -> None:
    broken = ListingError("the listing of gs://b broke off after 1: the storage failed")
    store = Store(monkeypatch, [track("a"), broken], [track("a"), track("b")], [track("c")])
    opened.append(ListingDeliveries("gs://b", 0.01, once=True))
    assert taken(opened[0], 2) == ["a", "b"]
    assert opened[0].poll(1, 0.2) == []
    assert store.listings == 2


def test_a_watched_file_is_announced_once(tmp_path: Path, opened: list[ListingDeliveries]) -> None:
    path = write_song(tmp_path / "a.flac")
    opened.append(ListingDeliveries(str(tmp_path), 0.01))
    (found,) = opened[0].poll(10, PATIENCE_S)
    assert track_of(found.arrival).uri == str(path)
    assert opened[0].poll(10, 0.2) == []


def test_a_file_written_anew_is_announced_anew(tmp_path: Path, opened: list[ListingDeliveries]) -> None:
    path = write_song(tmp_path / "a.flac")
    opened.append(ListingDeliveries(str(tmp_path), 0.01))
    assert len(opened[0].poll(10, PATIENCE_S)) == 1
    path.write_bytes(b"other")
    assert len(opened[0].poll(10, PATIENCE_S)) == 1


def test_a_folder_that_vanishes_is_warned_of(
    tmp_path: Path, opened: list[ListingDeliveries], caplog: pytest.LogCaptureFixture
) -> None:
    folder = tmp_path / "music"
    folder.mkdir()
    write_song(folder / "a.flac")
    opened.append(ListingDeliveries(str(folder), 0.01))
    assert len(opened[0].poll(10, PATIENCE_S)) == 1
    folder.rename(tmp_path / "elsewhere")
    wait_for(lambda: "no such file or folder" in caplog.text, timeout_s=PATIENCE_S, what="a warning")
    write_song(tmp_path / "elsewhere" / "b.flac")  # whole when it appears
    (tmp_path / "elsewhere").rename(folder)
    (found,) = opened[0].poll(10, PATIENCE_S)
    assert track_of(found.arrival).uri == str(folder / "b.flac")
