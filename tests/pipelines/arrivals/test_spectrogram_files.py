"""Files of spectrograms to deliveries of tracks: acknowledged when all of a file's tracks are done."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.servers.processes import wait_for
from tests.spectrogram_files import NPZ, record_with, write_one, write_shard
from tonearm.pipelines.arrivals.contract import Delivery
from tonearm.pipelines.arrivals.spectrogram_files import SpectrogramFileDeliveries
from tonearm.transforms.elements.arrival import track_of
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Failure, Stage, TrackError
from tonearm.transforms.elements.input_kind import InputKind
from tonearm.transforms.sources.listing import arrivals_at
from tonearm.transforms.sources.object_filter import ObjectFilter
from tonearm.transforms.sources.pending import SkipReason


class _Announcements:
    """A source that announces what a test puts into it."""

    def __init__(self) -> None:
        self.waiting: deque[Delivery] = deque()
        self.acknowledged: list[str] = []
        self.failures: list[Failure] = []
        self.error: Exception | None = None

    def poll(self, count: int, wait_seconds: float) -> list[Delivery]:
        if self.error:
            raise self.error
        if not self.waiting:
            time.sleep(0.01)
        return [self.waiting.popleft() for _ in range(min(count, len(self.waiting)))]

    def acknowledge(self, receipts: Sequence[str]) -> None:
        self.acknowledged += receipts

    def note_failures(self, failures: Sequence[Failure]) -> None:
        self.failures += failures

    def close(self) -> None:
        pass


Opened = tuple[_Announcements, SpectrogramFileDeliveries, Counter[SkipReason]]


@contextmanager
def opened(
    wanted: ObjectFilter | None = None,
) -> Iterator[Opened]:
    source, skipped = _Announcements(), Counter[SkipReason]()
    deliveries = SpectrogramFileDeliveries(
        source, wanted or ObjectFilter(), lambda reason: skipped.update([reason])
    )
    try:
        yield source, deliveries, skipped
    finally:
        deliveries.close()


def taken(deliveries: SpectrogramFileDeliveries, count: int) -> list[Delivery]:
    found: list[Delivery] = []
    wait_for(lambda: len(found.extend(deliveries.poll(10, 0.05)) or found) >= count)
    return found


def announced(path: Path, receipt: str, *, again: bool = False) -> Delivery:
    (arrival,) = arrivals_at(str(path), kind=InputKind.SPECTROGRAM)
    return Delivery(arrival, receipt, again=again)


def shard(tmp_path: Path, tracks: int) -> Path:
    return write_shard(tmp_path / "s.parquet", [record_with(track_id=f"t{n}") for n in range(tracks)])


def test_a_message_is_acknowledged_when_all_its_tracks_are_done(tmp_path: Path) -> None:
    with opened() as (source, deliveries, _):
        source.waiting.append(announced(shard(tmp_path, 3), "m1"))
        of_tracks = taken(deliveries, 3)
        assert [track_of(each.arrival).track_id for each in of_tracks] == ["t0", "t1", "t2"]
        receipts = [each.receipt or "" for each in of_tracks]
        deliveries.acknowledge(receipts[:2])
        assert source.acknowledged == []
        deliveries.acknowledge(receipts[2:])
        assert source.acknowledged == ["m1"]


def test_what_is_no_spectrogram_is_counted_and_acknowledged(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("nothing to hear")
    with opened() as (source, deliveries, skipped):
        source.waiting.append(announced(tmp_path / "notes.txt", "m1"))
        wait_for(lambda: source.acknowledged == ["m1"])
        assert skipped == {SkipReason.NOT_SPECTROGRAM: 1}
        assert deliveries.poll(1, 0) == []


def test_a_file_that_cannot_be_read_is_one_failure(tmp_path: Path) -> None:
    (tmp_path / "cut.npz").write_bytes(b"PK\x03\x04 and no more")
    with opened() as (source, deliveries, _):
        source.waiting.append(announced(tmp_path / "cut.npz", "m1"))
        (delivery,) = taken(deliveries, 1)
        assert isinstance(delivery.arrival, Failure)
        assert delivery.arrival.error is ErrorWord.UNREADABLE_SPECTROGRAM


def test_a_file_that_is_announced_again_brings_what_failed_alone(tmp_path: Path) -> None:
    path = shard(tmp_path, 3)
    passing = TrackError(Stage.INFERENCE, ErrorWord.MODEL_ERROR, "no memory", retriable=True)
    with opened() as (source, deliveries, _):
        source.waiting.append(announced(path, "m1"))
        track = track_of(taken(deliveries, 3)[1].arrival)
        deliveries.note_failures([Failure.of(track, passing)])
        (failure,) = source.failures
        (listed,) = arrivals_at(str(path), kind=InputKind.SPECTROGRAM)
        assert (failure.track.uri, failure.track.generation) == (str(path), track_of(listed).generation)
        source.waiting.append(announced(path, "m2", again=True))
        (delivery,) = taken(deliveries, 1)
        assert (track_of(delivery.arrival).track_id, delivery.again) == ("t1", True)


def test_a_filter_is_for_files_and_not_for_what_records_say(tmp_path: Path) -> None:
    path = write_one(tmp_path, record_with(uri="gs://elsewhere/a.flac"), NPZ)
    with opened(ObjectFilter(suffixes=(".npz",))) as (source, deliveries, _):
        source.waiting.append(announced(path, "m1"))
        (delivery,) = taken(deliveries, 1)
        assert track_of(delivery.arrival).read_from == str(path)


def test_an_error_of_the_source_ends_the_stream() -> None:
    with opened() as (source, deliveries, _):
        source.error = RuntimeError("the subscription is gone")
        with pytest.raises(RuntimeError, match="gone"):
            wait_for(lambda: deliveries.poll(1, 0.05) == "never")
