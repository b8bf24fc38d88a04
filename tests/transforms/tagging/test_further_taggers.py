"""A shadow says something of each track and harms none; a canary tags the same share of tracks each time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from tests.tracks import embedding_size, prepared_of
from tonearm.models.bundles.loading import cached_tagger
from tonearm.models.bundles.tagger import Tagger
from tonearm.transforms.elements.failure import Failure
from tonearm.transforms.elements.further_taggers import Canary, Shadow
from tonearm.transforms.elements.settings import AnalysisSettings
from tonearm.transforms.elements.track import Track
from tonearm.transforms.features.prepared import PreparedTrack
from tonearm.transforms.tagging import shadow
from tonearm.transforms.tagging.analysis import Outcome, TrackAnalysis
from tonearm.transforms.tagging.at_work import LoadedTagger
from tonearm.transforms.tagging.company import CanaryAtWork, TaggersAtWork
from tonearm.transforms.tagging.inference import TaggerHandler
from tonearm.transforms.tagging.shadow import ShadowAtWork

SETTINGS = AnalysisSettings(shadow=Shadow("second", "instruments@2", "0" * 64))


class SteadyEngine:
    """Scores every output alike; fails where a patch has some level."""

    device = "cpu"

    def __init__(self, tagger: Tagger, score: float, *, fails_at: float = -1.0) -> None:
        self.widths = len(tagger.units), embedding_size(tagger)
        self.score, self.fails_at = score, fails_at

    def infer(self, patches: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See :class:`Engine`."""
        if (patches[:, 0, 0] == self.fails_at).any():
            raise RuntimeError("out of memory")
        scores, embeddings = (np.full((len(patches), width), self.score, np.float32) for width in self.widths)
        return scores, embeddings


@pytest.fixture(scope="module")
def first() -> Tagger:
    return replace(cached_tagger("musicnn"), name="instruments", version="1")


@pytest.fixture(scope="module")
def second(first: Tagger) -> Tagger:
    return replace(first, version="2")


def tracks_of(tagger: Tagger, *levels: float) -> list[PreparedTrack]:
    """Tracks whose id is their place, with patches of some level."""
    return [
        prepared_of(Track(str(place), f"/{place}.flac"), tagger, level=level)
        for place, level in enumerate(levels)
    ]


def outcomes_of(batch: Sequence[PreparedTrack], model: TaggersAtWork) -> list[Outcome]:
    return list(TaggerHandler(SETTINGS).run_inference(batch, model))


def with_shadow(
    monkeypatch: pytest.MonkeyPatch, first: LoadedTagger, second: LoadedTagger | Exception
) -> TaggersAtWork:
    def load(*_: object) -> LoadedTagger:
        if isinstance(second, Exception):
            raise second
        return second

    monkeypatch.setattr(shadow, "load_further", load)
    return TaggersAtWork(first, shadow=ShadowAtWork(SETTINGS))


def told(outcome: Outcome) -> tuple[str, float, tuple[str, float] | None]:
    """The tagger and score of an analysis, and the same of its shadow."""
    assert isinstance(outcome, TrackAnalysis)
    beside = outcome.shadow
    return (
        outcome.tagger,
        round(float(outcome.scores[0]), 3),
        (beside.tagger, round(float(beside.scores[0]), 3)) if beside else None,
    )


def test_each_outcome_carries_what_the_shadow_says(
    first: Tagger, second: Tagger, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = with_shadow(
        monkeypatch,
        LoadedTagger(first, SteadyEngine(first, 0.25)),
        LoadedTagger(second, SteadyEngine(second, 0.75)),
    )
    outcomes = outcomes_of(tracks_of(first, 1, 2, 3), model)
    assert [told(each) for each in outcomes] == [("instruments@1", 0.25, ("instruments@2", 0.75))] * 3
    assert [each.track.track_id for each in outcomes] == ["0", "1", "2"]


@pytest.mark.parametrize("score", [0.75, np.nan])
def test_what_the_shadow_cannot_tag_is_tagged_all_the_same(
    first: Tagger, second: Tagger, monkeypatch: pytest.MonkeyPatch, score: float
) -> None:
    """Its network fails for one track, or gives scores that are no numbers for all."""
    model = with_shadow(
        monkeypatch,
        LoadedTagger(first, SteadyEngine(first, 0.25)),
        LoadedTagger(second, SteadyEngine(second, score, fails_at=2)),
    )
    outcomes = outcomes_of(tracks_of(first, 1, 2, 3), model)
    beside = None if np.isnan(score) else ("instruments@2", 0.75)
    assert [told(each) for each in outcomes] == [
        ("instruments@1", 0.25, beside),
        ("instruments@1", 0.25, None),
        ("instruments@1", 0.25, beside),
    ]


def test_a_shadow_that_cannot_be_loaded_costs_its_own_rows_only(
    first: Tagger, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = LoadedTagger(first, SteadyEngine(first, 0.25))
    model = with_shadow(monkeypatch, loaded, RuntimeError("no room"))
    outcomes = outcomes_of(tracks_of(first, 1, 2), model)
    assert [told(each) for each in outcomes] == [("instruments@1", 0.25, None)] * 2


def test_a_track_that_fails_has_no_shadow(
    first: Tagger, second: Tagger, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = with_shadow(
        monkeypatch,
        LoadedTagger(first, SteadyEngine(first, 0.25, fails_at=1)),
        LoadedTagger(second, SteadyEngine(second, 0.75)),
    )
    failed, tagged = outcomes_of(tracks_of(first, 1, 2), model)
    assert isinstance(failed, Failure)
    assert told(tagged) == ("instruments@1", 0.25, ("instruments@2", 0.75))


def test_a_shadow_that_became_the_tagger_says_nothing_twice(
    first: Tagger, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded = LoadedTagger(first, SteadyEngine(first, 0.25))
    (outcome,) = outcomes_of(tracks_of(first, 1), with_shadow(monkeypatch, loaded, loaded))
    assert told(outcome) == ("instruments@1", 0.25, None)


def test_a_canary_tags_its_share_in_the_taggers_place(first: Tagger, second: Tagger) -> None:
    canary = Canary("second", "instruments@2", share=0.3)
    model = TaggersAtWork(
        LoadedTagger(first, SteadyEngine(first, 0.25)),
        CanaryAtWork(canary, LoadedTagger(second, SteadyEngine(second, 0.75))),
    )
    batch = tracks_of(first, *range(20))
    outcomes = {each.track.track_id: told(each) for each in outcomes_of(batch, model)}
    assert len(outcomes) == 20
    for track_id, outcome in outcomes.items():
        is_canarys = canary.takes(track_id)
        assert outcome == (("instruments@2", 0.75, None) if is_canarys else ("instruments@1", 0.25, None))


def test_a_canarys_share_is_that_of_the_ids_and_grows_by_further_ones() -> None:
    ids = [f"track-{number}" for number in range(4_000)]
    shares = [{each for each in ids if Canary("c", share=share).takes(each)} for share in (0.05, 0.2, 1.0)]
    assert shares[0] < shares[1] < shares[2] == set(ids)
    assert len(shares[0]) == pytest.approx(200, abs=4 * 14)  # four standard deviations
    assert [each for each in ids[:61] if each in shares[0]] == [
        "track-47", "track-48", "track-58", "track-60",
    ]  # fmt: skip


def test_a_canary_takes_a_track_by_its_id_as_tables_have_it() -> None:
    canary = Canary("c", share=0.5)
    for number in range(20):
        assert canary.takes(f"caf\udce9 {number}") == canary.takes(f"caf\ufffd {number}")
