"""Memory does not grow: not with the length of a track, and not with the number of tracks."""

from __future__ import annotations

from statistics import median

import pytest

from benchmarks import long_track, many_tracks


@pytest.mark.slow
def test_a_track_of_ten_hours_takes_hardly_more_memory_than_one_of_four_minutes() -> None:
    short, long = long_track.rows(hours=10.0)
    assert long.minutes == 600
    assert long.analyzed_minutes > 25
    assert long.peak_mib <= long_track.LIMIT * short.peak_mib


@pytest.mark.slow
def test_a_spectrogram_of_ten_hours_takes_hardly_more_memory_than_one_of_an_hour() -> None:
    hour, ten_hours = (long_track.rows(hours=hours, command="spectrograms")[1] for hours in (1.0, 10.0))
    assert ten_hours.analyzed_minutes > 25
    assert ten_hours.peak_mib <= long_track.LIMIT * hour.peak_mib


@pytest.mark.slow
def test_the_last_of_many_tracks_takes_the_memory_and_the_time_of_the_first() -> None:
    first, second, *later = many_tracks.rows(tracks=2000)
    assert (first.tracks, later[-1].tracks) == (400, 2000)
    assert max(row.peak_mib for row in later) <= 1.2 * second.peak_mib
    assert median(row.cpu_s_a_track for row in later) <= 1.25 * second.cpu_s_a_track
