"""The probe's clips are a fair part of all."""

from __future__ import annotations

from pathlib import Path

from examples.instruments.music.programs import DRUMS
from examples.instruments.orders import orders_of
from examples.instruments.probe import probed
from tonearm.learning.labelled.labels import ALL, Labels
from tonearm.learning.labelled.track import LabelledTrack


def test_drums_and_all_numbers_of_instruments_are_in_each_split_of_the_probe() -> None:
    tracks = [
        LabelledTrack(
            order.track_id,
            str(Path("clips") / order.track_id),
            Labels.of({ALL: -1, **({DRUMS: 1} if order.with_drums else {})}),
            split=order.split,
            metadata=order.part,
        )
        for order in orders_of(train=800, validation=120, test=24)
    ]
    chosen = list(probed(tracks))
    for split in ("train", "validation", "test"):
        some = [track for track in chosen if track.split == split]
        assert {track.metadata["part_by_polyphony"][-1] for track in some} >= set("1234")
        with_drums = sum(DRUMS in track.labels.positives for track in some)
        assert 0.15 < with_drums / len(some) < 0.45
