"""The model handler: many tracks in one batch, split back by track, and a failure costs only its track."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import pytest

from tests.tracks import embedding_size, prepared_of
from tonearm.models.bundles.loading import cached_tagger
from tonearm.models.bundles.tagger import Tagger
from tonearm.models.engines.contract import Engine
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Failure
from tonearm.transforms.elements.settings import AnalysisSettings
from tonearm.transforms.elements.track import Track
from tonearm.transforms.features.prepared import PreparedTrack
from tonearm.transforms.tagging.analysis import Outcome, TrackAnalysis
from tonearm.transforms.tagging.at_work import LoadedTagger
from tonearm.transforms.tagging.company import TaggersAtWork
from tonearm.transforms.tagging.inference import TaggerHandler, patch_count

POISON = -1.0
"""Patches of this level make the engine below fail."""
NAN = -2.0
"""Patches of this level make it give scores that are no numbers."""


class EchoEngine:
    """Scores every output with the patch's level, and remembers how many patches it was handed."""

    device = "cpu"

    def __init__(self, tagger: Tagger) -> None:
        self.outputs, self.dim = len(tagger.units), embedding_size(tagger)
        self.batches: list[int] = []

    def infer(self, patches: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See :class:`Engine`."""
        self.batches.append(len(patches))
        levels = patches[:, 0, 0]
        if (levels == POISON).any():
            raise RuntimeError("out of memory at /home/someone")
        levels = np.where(levels == NAN, np.nan, levels)
        return tuple(np.repeat(levels[:, None], width, axis=1) for width in (self.outputs, self.dim))  # type: ignore[return-value]


@pytest.fixture(scope="module")
def tagger() -> Tagger:
    return cached_tagger("musicnn")


def batch_of(tagger: Tagger, *levels: float) -> list[PreparedTrack]:
    """Tracks of different lengths, one for each level, with the level as id."""
    return [
        prepared_of(Track(f"{level:g}", "/a.flac"), tagger, patches=1 + number % 3, level=level)
        for number, level in enumerate(levels)
    ]


def settle(batch: Sequence[PreparedTrack], tagger: Tagger, engine: Engine) -> dict[str, Outcome]:
    handler = TaggerHandler(AnalysisSettings())
    model = TaggersAtWork(LoadedTagger(tagger, engine))
    return {each.track.track_id: each for each in handler.run_inference(batch, model)}


def scores_of(outcome: Outcome) -> float:
    assert isinstance(outcome, TrackAnalysis)
    return float(outcome.scores[0])


def word_of(outcome: Outcome) -> ErrorWord:
    assert isinstance(outcome, Failure)
    return outcome.error


def test_patches_of_many_tracks_go_in_one_batch_and_come_back_by_track(tagger: Tagger) -> None:
    engine = EchoEngine(tagger)
    outcomes = settle(batch_of(tagger, 0.1, 0.2, 0.3, 0.4), tagger, engine)
    assert engine.batches == [1 + 2 + 3 + 1]
    assert {name: round(scores_of(each), 4) for name, each in outcomes.items()} == {
        "0.1": 0.1, "0.2": 0.2, "0.3": 0.3, "0.4": 0.4,
    }  # fmt: skip


def test_a_track_that_breaks_the_batch_fails_alone(tagger: Tagger) -> None:
    outcomes = settle(batch_of(tagger, 0.1, POISON, 0.3), tagger, EchoEngine(tagger))
    assert word_of(outcomes["-1"]) is ErrorWord.MODEL_ERROR
    assert scores_of(outcomes["0.1"]) == pytest.approx(0.1)
    assert scores_of(outcomes["0.3"]) == pytest.approx(0.3)


def test_the_row_of_a_failed_track_quotes_no_library(tagger: Tagger) -> None:
    failure = settle(batch_of(tagger, POISON), tagger, EchoEngine(tagger))["-1"]
    assert isinstance(failure, Failure)
    assert failure.message == "the network failed: RuntimeError"
    assert failure.retriable


def test_scores_that_are_no_numbers_fail_alone(tagger: Tagger) -> None:
    outcomes = settle(batch_of(tagger, 0.1, NAN), tagger, EchoEngine(tagger))
    assert word_of(outcomes["-2"]) is ErrorWord.NON_FINITE
    assert scores_of(outcomes["0.1"]) == pytest.approx(0.1)


def test_patches_of_another_front_end_never_reach_the_network(tagger: Tagger) -> None:
    fitting, other = batch_of(tagger, 0.1, 0.2)
    other = replace(other, spectrogram=replace(other.spectrogram, fingerprint="0123456789ab"))
    engine = EchoEngine(tagger)
    outcomes = settle([other, fitting], tagger, engine)
    assert engine.batches == [1]
    assert word_of(outcomes["0.2"]) is ErrorWord.FRONTEND_MISMATCH
    assert "0123456789ab" in outcomes["0.2"].message  # type: ignore[union-attr]


def test_an_empty_batch_gives_nothing(tagger: Tagger) -> None:
    assert settle([], tagger, EchoEngine(tagger)) == {}


def test_what_comes_out_does_not_carry_the_spectrogram(tagger: Tagger) -> None:
    (outcomes,) = settle(batch_of(tagger, 0.1), tagger, EchoEngine(tagger)).values()
    arrays = [
        value for value in map(outcomes.__getattribute__, outcomes.__slots__) if isinstance(value, np.ndarray)
    ]
    assert sum(array.size for array in arrays) == 100 + 400


def test_the_real_network_gives_a_track_the_same_scores_in_any_company(tagger: Tagger) -> None:
    model = TaggerHandler(AnalysisSettings()).load_model()
    batch = batch_of(tagger, 0.5, 1.0, 2.0)
    together = settle(batch, tagger, model.tagger.present().engine)
    for prepared in batch:
        name = prepared.track.track_id
        (alone,) = settle([prepared], tagger, model.tagger.present().engine).values()
        np.testing.assert_allclose(alone.scores, together[name].scores, atol=1e-5)  # type: ignore[union-attr]


def test_two_loads_share_one_engine() -> None:
    first, second = (TaggerHandler(AnalysisSettings()).load_model() for _ in range(2))
    assert first.tagger.present().engine is second.tagger.present().engine


def test_batches_are_measured_in_patches_and_bytes(tagger: Tagger) -> None:
    batch = batch_of(tagger, 0.1, 0.2, 0.3)
    assert [patch_count(prepared) for prepared in batch] == [1, 2, 3]
    assert TaggerHandler(AnalysisSettings()).get_num_bytes(batch) == 6 * 187 * 96 * 4
