"""What listings remember: little, not for ever, and when a failed object is due again."""

from __future__ import annotations

import tracemalloc

import pytest

from tonearm.pipelines.arrivals import listing_memory
from tonearm.pipelines.arrivals.listing_memory import ListingMemory, Novelty
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Failure, Stage, TrackError
from tonearm.transforms.elements.track import Track

A = Track("a", "gs://b/a", "1")


class Clock:
    """A time that a test sets."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        monkeypatch.setattr(listing_memory.time, "monotonic", lambda: self.now)


def listed(memory: ListingMemory, *tracks: Track, whole: bool = True) -> list[Novelty]:
    """What one listing of these tracks makes of them."""
    found = [memory.novelty(track) for track in tracks]
    memory.end_listing(whole=whole)
    return found


def failure() -> Failure:
    return Failure.of(A, TrackError(Stage.FETCH, ErrorWord.FORBIDDEN, "access denied", retriable=True))


def test_an_object_is_news_once_a_generation() -> None:
    memory = ListingMemory(may_grow=False)
    again = Track("a", "gs://b/a", "2")
    assert listed(memory, A) == [Novelty.NEW]
    assert listed(memory, A) == [Novelty.KNOWN]
    assert listed(memory, again) == [Novelty.NEW]


def test_a_file_is_news_when_two_listings_in_a_row_found_it_unchanged() -> None:
    memory = ListingMemory(may_grow=True)
    grown = Track("a", "gs://b/a", "2")
    assert [listed(memory, each) for each in (A, grown, grown, grown)] == [
        [Novelty.KNOWN],
        [Novelty.KNOWN],
        [Novelty.NEW],
        [Novelty.KNOWN],
    ]


def test_what_is_not_listed_any_more_is_forgotten_but_not_by_a_listing_that_broke_off() -> None:
    memory = ListingMemory(may_grow=False)
    listed(memory, A)
    listed(memory, whole=False)
    assert listed(memory, A) == [Novelty.KNOWN]
    listed(memory)
    assert listed(memory, A) == [Novelty.NEW]


def test_a_failed_object_is_due_after_pauses_that_double_up_to_an_hour(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock = Clock(monkeypatch)
    memory = ListingMemory(may_grow=False)
    listed(memory, A)
    for minutes in (1, 2, 4, 8, 16, 32, 60, 60):
        memory.note_failures([failure()])
        clock.now += 60 * minutes - 1
        assert listed(memory, A) == [Novelty.KNOWN]
        clock.now += 1
        assert listed(memory, A, A) == [Novelty.AGAIN, Novelty.KNOWN]
    clock.now += 1e6  # nobody said that it failed again
    assert listed(memory, A) == [Novelty.KNOWN]


def test_a_failure_of_what_was_never_listed_is_nothing_to_remember(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    memory = ListingMemory(may_grow=False)
    memory.note_failures([failure()])
    clock.now += 1e6
    assert listed(memory, A) == [Novelty.NEW]
    assert listed(memory, A) == [Novelty.KNOWN]


def test_it_costs_some_100_bytes_an_object() -> None:
    count = 50_000
    memory = ListingMemory(may_grow=False)
    tracemalloc.start()
    try:
        for _ in range(2):
            for number in range(count):
                memory.novelty(
                    Track("", f"gs://catalog/in/a long folder name/{number}.flac", str(10**15 + number))
                )
            memory.end_listing(whole=True)
        held, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert held / count < 150
