"""Makes a bundle of a trained network: calibrated tags, thresholds, limits, cards, and how it came about."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tonearm.learning.calibration.fitting import fit_calibration
from tonearm.learning.calibration.thresholds import best_f1_threshold
from tonearm.learning.training.call import TrainingCall
from tonearm.learning.training.inputs.material import Material
from tonearm.learning.training.inputs.vocabulary import Meaning
from tonearm.learning.training.outcome.cards import dataset_card, model_card
from tonearm.learning.training.outcome.figures import Figures, figures_of
from tonearm.learning.training.outcome.provenance import provenance_of
from tonearm.learning.training.state import TrainingState
from tonearm.learning.training.validation import TrackScores
from tonearm.models.bundles.draft import BundleDraft, NetworkDraft, Output, TagDraft
from tonearm.models.bundles.tagger import Selection, Tagger
from tonearm.models.bundles.weights import weights_of
from tonearm.models.bundles.writing import write_bundle
from tonearm.models.tagging_network import TaggingNetwork


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training came to.

    Attributes:
        tagger: The new bundle.
        figures: How well it does on the validation tracks.
        epochs: Rounds that were done.
        best_epoch: The round whose weights were kept, from 1.
    """

    tagger: Tagger
    figures: Figures
    epochs: int
    best_epoch: int


def write_trained(
    call: TrainingCall, material: Material, network: TaggingNetwork, state: TrainingState, scores: TrackScores
) -> Trained:
    """Calibrate a trained network on the validation tracks, and write its bundle.

    Args:
        call: What was asked for.
        material: What was learned from.
        network: With the weights to keep, on the CPU.
        state: Where the training ended.
        scores: Of the validation tracks, by these weights.

    Raises:
        BundleError: The output is there by now.
        BundleWriteError: It cannot be written; the checkpoint is still there.
    """
    tags = calibrated_tags(material.meanings, scores)
    figures = figures_of(tags, scores)
    provenance = provenance_of(call, material, state)
    draft = BundleDraft(
        name=call.name,
        version=call.version,
        description=_description(material),
        front_end=material.dataset.front_end,
        networks=(
            NetworkDraft(
                name=call.architecture,
                architecture=call.architecture,
                weights=weights_of(network),
                outputs=tuple(Output(meaning.label, meaning.tag) for meaning in material.meanings),
            ),
        ),
        tags=tags,
        selection=Selection(facet_limits(material), ()),
        sections={"provenance": provenance, "metrics": {"validation": figures.as_json()}},
        texts={
            "README.md": model_card(call, material, provenance, figures),
            "DATASET.md": dataset_card(material),
            "history.jsonl": "".join(f"{json.dumps(record)}\n" for record in state.history),
        },
    )
    return Trained(write_bundle(call.output, draft), figures, state.epoch, state.best_epoch)


def calibrated_tags(meanings: Sequence[Meaning], scores: TrackScores) -> tuple[TagDraft, ...]:
    """Fit each tag's probabilities on the validation tracks, and choose its threshold."""
    tags = []
    for place, meaning in enumerate(meanings):
        tag_scores, truths = scores.scores[:, place], scores.truths[:, place]
        calibration = fit_calibration(tag_scores, truths)
        threshold = best_f1_threshold(calibration.apply(tag_scores), truths)
        tags.append(TagDraft(meaning.tag, meaning.facet, threshold, "max", calibration))
    return tuple(tags)


def facet_limits(material: Material) -> dict[str, int]:
    """The most tags of each facet: as many as a training track has at most, and one at least."""
    holds = material.training.labels[:, list(material.kept)] > 0
    facets = np.array([meaning.facet for meaning in material.meanings])
    return {
        facet: max(1, int(holds[:, facets == facet].sum(axis=1).max()))
        for facet in dict.fromkeys(facets.tolist())
    }


def _description(material: Material) -> str:
    facets = Counter(meaning.facet for meaning in material.meanings)
    counted = ", ".join(f"{count} of {facet}" for facet, count in facets.items())
    return f"Tags: {counted}; trained on {len(material.training.labels):,} tracks"
