"""The shadow: a second tagger that tags what the first has tagged, to be compared, and that harms nothing."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import compress

from tonearm.transforms.elements.settings import AnalysisSettings
from tonearm.transforms.features.prepared import PreparedTrack
from tonearm.transforms.tagging.analysis import Outcome, TrackAnalysis
from tonearm.transforms.tagging.at_work import LoadedTagger, load_further
from tonearm.transforms.tagging.counting import count_failed_shadows
from tonearm.transforms.tagging.scoring import outcomes_by

_logger = logging.getLogger(__name__)


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
        tagged = list(compress(batch, is_tagged))
        analyses = map(_analysis, outcomes_by(self._loaded, tagged, self._segment_seconds))
        for outcome in outcomes:
            if isinstance(outcome, TrackAnalysis) and outcome.tagger != identity:
                yield replace(outcome, shadow=next(analyses))
            else:
                yield outcome


def _analysis(outcome: Outcome) -> TrackAnalysis | None:
    """What the shadow says of a track; if it failed, nothing, and that is counted."""
    if isinstance(outcome, TrackAnalysis):
        return outcome
    _logger.warning("the shadow has nothing to say of a track: %s", outcome.message)
    count_failed_shadows(1)
    return None


def _loaded(settings: AnalysisSettings) -> LoadedTagger | None:
    assert settings.shadow is not None  # or there would be no shadow at work
    try:
        return load_further(settings.shadow, settings.precision)
    except Exception as error:  # a worker without its shadow still tags
        _logger.error("the shadow %s cannot be loaded: %s", settings.shadow.tagger, error)
        return None
