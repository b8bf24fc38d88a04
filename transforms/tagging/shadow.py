"""The shadow: a second tagger that tags what the first has tagged, to be compared, and that harms nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import compress

from tonearm.transforms.elements.settings import AnalysisSettings
from tonearm.transforms.elements.stage_times import StageTimes
from tonearm.transforms.features.prepared import PreparedTrack
from tonearm.transforms.tagging.analysis import Outcome, TrackAnalysis, analyze
from tonearm.transforms.tagging.at_work import LoadedTagger, load_further
from tonearm.transforms.tagging.counting import count_failed_shadows
from tonearm.transforms.tagging.scoring import are_numbers, scored

_logger = logging.getLogger(__name__)

Analyses = list[TrackAnalysis | None]


class ShadowAtWork:
    """The shadow of a process; what goes wrong with it costs its own rows only.

    Args:
        settings: How tracks are analysed; they name the shadow.
    """

    def __init__(self, settings: AnalysisSettings) -> None:
        self._segment_seconds = settings.segment_seconds
        self._loaded = _loaded(settings)

    def beside(self, batch: Sequence[PreparedTrack], outcomes: Sequence[Outcome]) -> Iterator[Outcome]:
        """Pass on outcomes, those of tagged tracks with what the shadow says of the same patches.

        Args:
            batch: Prepared tracks.
            outcomes: What has become of each. If the shadow itself has tagged one, as it was promoted
                meanwhile, there is nothing to add.
        """
        if self._loaded is None:
            count_failed_shadows(sum(isinstance(each, TrackAnalysis) for each in outcomes))
            yield from outcomes
            return
        identity = self._loaded.tagger.identity
        is_tagged = [isinstance(each, TrackAnalysis) and each.tagger != identity for each in outcomes]
        times = StageTimes()
        with times.measure("network"):
            analyses = iter(self._analyses(list(compress(batch, is_tagged)), self._loaded))
        times.report()
        for outcome in outcomes:
            if isinstance(outcome, TrackAnalysis) and outcome.tagger != identity:
                yield replace(outcome, shadow=next(analyses))
            else:
                yield outcome

    def _analyses(self, batch: Sequence[PreparedTrack], loaded: LoadedTagger) -> Analyses:
        if not batch:
            return []
        try:
            results = scored(batch, loaded.engine)
        except Exception as error:  # whatever an engine raises; the guilty track is found by itself
            if len(batch) > 1:
                return [analysis for each in batch for analysis in self._analyses([each], loaded)]
            _logger.warning("the shadow's network failed for a track (%s)", type(error).__name__)
            count_failed_shadows(1)
            return [None]
        analyses: Analyses = []
        for prepared, (scores, embeddings) in zip(batch, results, strict=True):
            if are_numbers(scores, embeddings):
                analysis = analyze(prepared, scores, embeddings, loaded.tagger, self._segment_seconds)
                analyses.append(analysis)
            else:
                _logger.warning("the shadow's network gave scores that are no numbers")
                count_failed_shadows(1)
                analyses.append(None)
        return analyses


def _loaded(settings: AnalysisSettings) -> LoadedTagger | None:
    assert settings.shadow is not None  # or there would be no shadow at work
    try:
        return load_further(settings.shadow, settings.precision)
    except Exception as error:  # a worker without its shadow still tags
        _logger.error("the shadow %s cannot be loaded: %s", settings.shadow.tagger, error)
        return None
