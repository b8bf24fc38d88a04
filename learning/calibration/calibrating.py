"""From a tagger and labelled tracks to the files of its new version."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tonearm.learning.calibration.new_version import files_of_version
from tonearm.learning.calibration.recalibrating import LeftAsItWas, Recalibrated, recalibrated
from tonearm.learning.evaluation.evaluation import opened_set, require_scored
from tonearm.learning.evaluation.resampling import Resampling
from tonearm.learning.evaluation.table import table_of
from tonearm.learning.evaluation.tracks.judged import OnTrack
from tonearm.learning.evaluation.tracks.scoring import Scorer, scorers_of
from tonearm.learning.evaluation.tracks.vocabulary import WordMap, judged_tags, require_known_words
from tonearm.learning.labelled.track import Split
from tonearm.models.bundles.tagger import Tagger


@dataclass(frozen=True, slots=True)
class CalibrationCall:
    """What is asked.

    Attributes:
        location: Folder or URL of a built data set, or path or URL of a labelled manifest.
        version: Of the new bundle.
        split: The part of the set.
        wanted_precision: None for the best F1.
        words: How the tagger's words differ from the set's.
        resampling: How intervals are made.
    """

    location: str
    version: str
    split: Split = Split.VALIDATION
    wanted_precision: float | None = None
    words: WordMap = field(default_factory=dict)
    resampling: Resampling = field(default_factory=Resampling)


@dataclass(frozen=True, slots=True)
class CalibrationResult:
    """What comes of it.

    Attributes:
        outcomes: What becomes of the tags that the set has labels for.
        tracks: Tracks that were scored.
        failed: Tracks that could not be.
        files: Those of the new bundle, by name.
    """

    outcomes: Sequence[Recalibrated | LeftAsItWas]
    tracks: int
    failed: int
    files: dict[str, bytes]


def calibrate(call: CalibrationCall, tagger: Tagger, on_track: OnTrack) -> CalibrationResult:
    """Fit a tagger's curves and thresholds.

    Args:
        call: By what.
        tagger: The bundle that there is.
        on_track: Told of each track that has an outcome.

    Raises:
        WrongCallError: The set or the words cannot be as given.
        EvaluationError: No track could be scored.
        MachineError: No decoder can be started.
    """
    tracks = opened_set(call.location, call.split)
    require_known_words(call.words, [tagger], tracks.labels)
    tags = judged_tags(tagger, tracks.labels, call.words)
    tracks.require_front_end(tagger)
    judged = tracks.judge([_raw(scorer) for scorer in scorers_of([tagger])], on_track)
    require_scored(judged)
    curves = {rule.tag: rule.calibration for rule in tagger.tags}
    outcomes = recalibrated(
        table_of(judged.tracks, tags, 0),
        [curves[tag.tag] for tag in tags],
        call.wanted_precision,
        call.resampling,
    )
    basis = {
        "kind": tracks.kind,
        "digest": tracks.digest,
        "split": str(call.split),
        "tracks": len(judged.tracks),
        "wanted_precision": call.wanted_precision,
        "seed": call.resampling.seed,
    }
    files = files_of_version(tagger, call.version, outcomes, basis)
    return CalibrationResult(outcomes, len(judged.tracks), len(judged.failures), files)


def _raw(scorer: Scorer) -> Scorer:
    """The same tagger without its curves: they are fitted to what the networks give."""
    tags = tuple(replace(rule, calibration=None) for rule in scorer.tagger.tags)
    return Scorer(replace(scorer.tagger, tags=tags), scorer.engine)
