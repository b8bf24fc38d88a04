"""A prefix that a cluster lists again and again: each object once, files once they no longer grow."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Sequence
from types import SimpleNamespace

import apache_beam as beam
import pytest
from apache_beam.coders import BytesCoder
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing.util import assert_that, equal_to

from tonearm.transforms.elements.arrival import Arrival, track_of
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Failure, Stage, TrackError
from tonearm.transforms.elements.track import Track
from tonearm.transforms.sources import polling
from tonearm.transforms.sources.listing import ListingError
from tonearm.transforms.sources.object_filter import ObjectFilter
from tonearm.transforms.sources.polling import AnnounceNew, ListedBefore


def track(name: str, generation: str = "1") -> Track:
    return Track(name, f"gs://music/in/{name}.flac", generation)


def announced(
    listings: Sequence[Sequence[Track | Exception]],
    expected: list[tuple[str, str]],
    monkeypatch: pytest.MonkeyPatch,
    location: str = "gs://music/in/",
) -> None:
    """Check what is announced of a prefix that is listed so many times."""
    waiting = iter(listings)

    def listed(*_: object) -> Iterator[Arrival]:
        for found in next(waiting):
            if isinstance(found, Exception):
                raise found
            yield found

    monkeypatch.setattr(polling, "announced_at", listed)
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        signals = pipeline | beam.Create([(location, number) for number in range(len(listings))])
        found = signals | beam.ParDo(AnnounceNew(ObjectFilter(suffixes=(".flac",))))
        names = found | beam.Map(lambda each: (track_of(each).track_id, track_of(each).generation))
        assert_that(names, equal_to(expected))


def test_an_object_is_announced_once_and_again_when_it_was_overwritten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listings = [[track("a")], [track("a"), track("b")], [track("a", "2"), track("b")], []]
    announced(listings, [("a", "1"), ("b", "1"), ("a", "2")], monkeypatch)


def test_what_a_listing_found_before_it_broke_off_is_announced_and_nothing_is_forgotten(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    broken = ListingError("the listing broke off")
    listings = [[track("a"), track("b")], [track("c"), broken], [broken], [track("a"), track("c")]]
    announced(listings, [("a", "1"), ("b", "1"), ("c", "1")], monkeypatch)


def test_a_file_of_a_disk_is_announced_once_two_listings_find_it_unchanged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    listings = [[track("a")], [track("a", "2"), track("b")], [track("a", "2"), track("b")], [track("b")]]
    announced(listings, [("a", "2"), ("b", "1")], monkeypatch, location="/music/in")


def test_a_file_that_cannot_be_looked_at_is_a_failure_at_once() -> None:
    before = ListedBefore(set(), set(), may_grow=True)
    failure = Failure.of(track("a"), TrackError(Stage.SOURCE, ErrorWord.FORBIDDEN, "told"))
    assert before.is_new(failure)


def test_eight_bytes_an_object_are_remembered_and_what_is_gone_is_forgotten() -> None:
    before = ListedBefore(set(), set(), may_grow=False)
    assert all(before.is_new(track(str(number))) for number in range(100))
    assert len(BytesCoder().encode(b"".join(before.found_new))) == 800
    later = ListedBefore(set(before.found_new), set(), may_grow=False)
    assert not any(later.is_new(track(str(number))) for number in range(49))
    assert later.is_mostly_gone
    assert len(later.announced & later.found) == 49


def test_signals_that_come_at_once_are_one_listing(monkeypatch: pytest.MonkeyPatch) -> None:
    listings: list[str] = []

    def listed(location: str, *_: object) -> Iterator[Arrival]:
        listings.append(location)
        return iter(())

    monkeypatch.setattr(polling, "announced_at", listed)
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        signals = pipeline | beam.Create([("gs://music/in/", number) for number in range(3)])
        signals | beam.ParDo(AnnounceNew(ObjectFilter(), pause_seconds=3600.0))
    assert listings == ["gs://music/in/"]


def test_of_two_signals_that_an_engine_works_side_by_side_one_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    """As Prism does while a listing is under way: each has an object of its own, and the state of before."""
    monkeypatch.setattr(polling, "announced_at", lambda *_: iter([track("a"), track("b")]))
    sent = pickle.dumps(AnnounceNew(ObjectFilter(), pause_seconds=3600.0))
    first, second = pickle.loads(sent), pickle.loads(sent)
    first.setup()
    second.setup()
    empty = SimpleNamespace(read=lambda: (), add=lambda _: None)
    listing = first.process(("gs://music/in/", 0), empty, empty)
    found = [next(listing)]
    assert list(second.process(("gs://music/in/", 1), empty, empty)) == []
    assert [track_of(each).track_id for each in (*found, *listing)] == ["a", "b"]
