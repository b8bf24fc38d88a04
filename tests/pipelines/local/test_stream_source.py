"""Waves of a stream: when they close, what is acknowledged when, and what is left out."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

import pytest

from tonearm.pipelines.arrivals.contract import Delivery
from tonearm.pipelines.local.shares import SharePlan
from tonearm.pipelines.local.stream_source import StreamSource
from tonearm.transforms.elements.arrival import Arrival, track_of
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Failure, Stage, TrackError
from tonearm.transforms.elements.track import Track
from tonearm.transforms.sources.object_filter import ObjectFilter
from tonearm.transforms.sources.pending import SkipReason
from tonearm.transforms.tables.ledger import Ledger


class Listed:
    """Arrivals that a test makes by hand."""

    def __init__(self, *batches: list[Delivery]) -> None:
        self.batches = list(batches)
        self.acknowledged: list[str] = []
        self.failures: list[Failure] = []

    def poll(self, count: int, wait_seconds: float) -> list[Delivery]:
        """The rest of the first batch."""
        if not self.batches:
            time.sleep(min(wait_seconds, 0.01))
            return []
        batch, rest = self.batches[0][:count], self.batches[0][count:]
        self.batches[:1] = [rest] if rest else []
        return batch

    def acknowledge(self, receipts: Sequence[str]) -> None:
        """Note it."""
        self.acknowledged += receipts

    def note_failures(self, failures: Sequence[Failure]) -> None:
        """Note them."""
        self.failures += failures

    def close(self) -> None:
        """Nothing is held."""


def arrival(name: str, receipt: str | None = None, generation: str = "1") -> Delivery:
    return Delivery(Track(name, f"gs://b/{name}", generation), receipt or f"receipt of {name}")


def source_of(
    arrivals: Listed,
    *,
    seconds: float = 0.05,
    share: int = 100,
    workers: int = 1,
    wanted: ObjectFilter = ObjectFilter(),  # noqa: B008 - frozen
) -> tuple[StreamSource, list[SkipReason]]:
    skipped: list[SkipReason] = []
    plan = SharePlan(workers, share * workers)
    return StreamSource(arrivals, Ledger(), skipped.append, seconds, plan, wanted), skipped


def take(source: StreamSource, count: int = 100) -> list[Arrival]:
    """A share, as a worker takes it that has no other work to do."""
    taken = [source.first()]
    while len(taken) < count and taken[-1]:
        taken.append(source.further())
    return [track for track in taken if track]


def names(taken: Sequence[Track]) -> list[str]:
    return [track_of(announced).track_id for announced in taken]


def test_a_wave_closes_by_count() -> None:
    source, _ = source_of(Listed([arrival("a"), arrival("b"), arrival("c")]), seconds=60, share=2)
    assert names(take(source, 2)) == ["a", "b"]


def test_a_wave_closes_by_time_after_its_first_track() -> None:
    source, _ = source_of(Listed([arrival("a")]))
    begun = time.monotonic()
    assert names(take(source)) == ["a"]
    assert time.monotonic() - begun < 5


def test_workers_share_a_backlog_track_by_track() -> None:
    old = [
        Delivery(Track(str(number), f"gs://b/{number}", "1"), str(number), age_seconds=100)
        for number in range(60)
    ]
    source, _ = source_of(Listed(old[:10], old[10:]), seconds=10, share=64, workers=2)
    begun = time.monotonic()
    taken = [source.first(), source.first(), *(source.further() for _ in range(58))]
    assert sorted(names([track for track in taken if track]), key=int) == [
        str(number) for number in range(60)
    ]
    assert source.further() is None
    assert time.monotonic() - begun < 5


def test_what_is_not_due_waits_while_others_are_worked() -> None:
    source, _ = source_of(Listed([arrival("a")], [arrival("b"), arrival("c")]), seconds=60, share=1)
    assert names([source.first()]) == ["a"]
    assert source.further() is None


def test_a_full_backlog_gives_full_shares() -> None:
    arrivals = Listed([arrival(str(number)) for number in range(100)])
    source, _ = source_of(arrivals, seconds=60, share=16, workers=2)
    assert [len(take(source, 16)) for _ in range(4)] == [16] * 4


class KnownOnes(Listed):
    """Arrivals that announce their first track again and again, without an end."""

    def poll(self, count: int, wait_seconds: float) -> list[Delivery]:
        """See above."""
        return [arrival("a")] * count


def test_a_flood_of_known_tracks_holds_up_nothing() -> None:
    source, _ = source_of(KnownOnes(), seconds=0.05)
    begun = time.monotonic()
    assert names(take(source)) == ["a"]
    assert time.monotonic() - begun < 5


def test_nothing_is_handed_out_after_a_stop() -> None:
    arrivals = Listed([arrival("a"), arrival("b")])
    source, _ = source_of(arrivals)
    source.first()
    source.stop()
    assert source.first() is None
    assert source.further() is None
    assert arrivals.acknowledged == []


def test_nothing_is_acknowledged_before_it_is_committed() -> None:
    arrivals = Listed([arrival("a"), arrival("b")])
    source, _ = source_of(arrivals)
    taken = take(source)
    assert arrivals.acknowledged == []
    source.note_committed(taken[:1], [])
    assert arrivals.acknowledged == ["receipt of a"]


def test_a_second_delivery_waits_for_the_first_and_is_acknowledged_with_it() -> None:
    arrivals = Listed([arrival("a", "first"), arrival("a", "second")])
    source, skipped = source_of(arrivals)
    taken = take(source)
    assert (names(taken), skipped) == (["a"], [SkipReason.ANNOUNCED_AGAIN])
    assert arrivals.acknowledged == []
    source.note_committed(taken, [])
    assert arrivals.acknowledged == ["first", "second"]


def test_a_delivery_after_the_commit_is_acknowledged_at_once() -> None:
    arrivals = Listed([arrival("a", "first")], [arrival("a", "late"), arrival("b")])
    source, skipped = source_of(arrivals)
    source.note_committed(take(source, 1), [])
    assert names(take(source, 1)) == ["b"]
    assert skipped == [SkipReason.ANNOUNCED_AGAIN]
    assert arrivals.acknowledged == ["first", "late"]


def test_another_generation_is_another_track() -> None:
    source, skipped = source_of(Listed([arrival("a"), arrival("a", generation="2")]))
    assert len(take(source)) == 2
    assert not skipped


def commit_each(source: StreamSource, listed: Listed, *deliveries: Delivery) -> None:
    """Have one delivery after the other worked and committed."""
    for each in deliveries:
        listed.batches.append([each])
        source.note_committed([track for track in [source.first()] if track], [])


def test_a_late_message_of_what_was_overwritten_is_acknowledged_and_not_worked() -> None:
    listed = Listed()
    source, skipped = source_of(listed)
    commit_each(source, listed, arrival("a", "1st", "1"), arrival("a", "2nd", "2"))
    listed.batches.append([arrival("a", "late", "1"), arrival("b")])
    assert names(take(source)) == ["b"]
    assert listed.acknowledged == ["1st", "2nd", "late"]
    assert skipped == [SkipReason.ANNOUNCED_AGAIN]


def test_a_listing_that_finds_a_file_put_back_has_it_worked_again() -> None:
    listed = Listed()
    source, skipped = source_of(listed)
    commit_each(source, listed, *(Delivery(Track("a", "/music/a", generation)) for generation in "12"))
    listed.batches.append([Delivery(Track("a", "/music/a", "1")), Delivery(Track("b", "/music/b", "1"))])
    assert names(take(source)) == ["a", "b"]
    assert not skipped


def test_a_stop_ends_the_wait() -> None:
    source, _ = source_of(Listed())
    threading.Timer(0.05, source.stop).start()
    assert source.first() is None


def test_what_the_filter_leaves_out_is_counted_and_acknowledged() -> None:
    arrivals = Listed([arrival("a.mp3"), arrival("b.flac"), arrival("c.mp3")])
    source, skipped = source_of(arrivals, wanted=ObjectFilter(suffixes=(".flac",)))
    assert names(take(source)) == ["b.flac"]
    assert skipped == [SkipReason.LEFT_OUT] * 2
    assert arrivals.acknowledged == ["receipt of a.mp3", "receipt of c.mp3"]


def forbidden(announced: Arrival) -> Failure:
    problem = TrackError(Stage.FETCH, ErrorWord.FORBIDDEN, "access denied", retriable=True)
    return Failure.of(track_of(announced), problem)


def test_what_is_announced_again_after_a_failure_is_worked_again_and_knows_its_row() -> None:
    arrivals = Listed([arrival("a")])
    source, skipped = source_of(arrivals)
    (failed,) = take(source)
    source.note_committed([failed], [forbidden(failed)])
    assert [failure.track for failure in arrivals.failures] == [failed]
    arrivals.batches = [[arrival("a")]]
    assert source.further() is None
    arrivals.batches.append([Delivery(track_of(failed), again=True)])
    (again,) = take(source)
    assert skipped == [SkipReason.ANNOUNCED_AGAIN]
    assert track_of(again).past_failures == ("fetch/forbidden",)


def test_refused_tracks_are_warned_of_once(caplog: pytest.LogCaptureFixture) -> None:
    source, _ = source_of(Listed([arrival("a")], [arrival("b")]), share=1)
    for _ in range(2):
        taken = take(source, 1)
        source.note_committed(taken, [forbidden(each) for each in taken])
    assert [record.message for record in caplog.records if "forbidden" in record.message] != []
    assert len(caplog.records) == 1
