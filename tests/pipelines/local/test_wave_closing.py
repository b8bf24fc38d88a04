"""When a stream's waves close: at once after quiet, and yet not one after the other in a trickle."""

from __future__ import annotations

from itertools import pairwise

from tonearm.pipelines.local.wave_closing import QUIET_SECONDS, WaveClosing


def test_a_lone_track_waits_for_quiet_only() -> None:
    closing = WaveClosing(10)
    closing.note_arrival(100)
    assert closing.due_at == 100 + QUIET_SECONDS
    assert not closing.is_due(100.9, is_full=False)
    assert closing.is_due(101, is_full=False)


def test_a_burst_is_one_wave() -> None:
    closing = WaveClosing(10)
    for moment in (100.0, 100.5, 101.4, 102.3):
        closing.note_arrival(moment)
        assert not closing.is_due(moment, is_full=False)
    assert closing.due_at == 102.3 + QUIET_SECONDS


def test_a_stream_without_quiet_waits_no_longer_than_is_said() -> None:
    closing = WaveClosing(10)
    for tenth in range(1000, 1100):
        closing.note_arrival(tenth / 10)
    assert closing.due_at == 110


def test_a_trickle_makes_one_wave_each_so_many_seconds() -> None:
    closing, waves = WaveClosing(10), []
    for tenth in range(10 * 120):
        moment = tenth / 10
        if tenth % 30 == 0:
            closing.note_arrival(moment)
        if closing.is_due(moment, is_full=False):
            waves.append(moment)
    gaps = [later - earlier for earlier, later in pairwise(waves)]
    assert waves[0] == QUIET_SECONDS
    assert all(10 <= gap < 14 for gap in gaps)


def test_a_full_wave_closes_at_once_and_what_is_left_need_not_wait_for_it() -> None:
    closing = WaveClosing(10)
    closing.note_arrival(100)
    assert closing.is_due(100, is_full=True)
    closing.note_arrival(100.5)
    assert closing.due_at == 101.5


def test_what_was_announced_long_ago_waits_no_more() -> None:
    closing = WaveClosing(10)
    closing.note_arrival(50)
    assert closing.is_due(100, is_full=False)
