"""``report.json``: all that an evaluation found, by keys that stay; what is not known is null, never NaN."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from tonearm.learning.evaluation.comparison import Comparison
from tonearm.learning.evaluation.confusions import confusions
from tonearm.learning.evaluation.evaluation import Evaluation
from tonearm.learning.evaluation.figures import Figure, Figures, groups_that_tell, told_by_both_sides
from tonearm.learning.evaluation.label_noise import ceiling, most_noise
from tonearm.learning.evaluation.metrics import decisions
from tonearm.learning.evaluation.reliability import Reliability, reliability
from tonearm.learning.evaluation.report.words import words_of
from tonearm.learning.evaluation.table import Table
from tonearm.learning.evaluation.worst_tracks import worst_tracks
from tonearm.models.bundles.tagger import Tagger
from tonearm.transforms.storage.schemes import stored_uri
from tonearm.transforms.storage.signed_url import location_of

FORMAT = "tonearm-evaluation"
FORMAT_VERSION = 1

_WORST_TRACKS = 50

_NOISES = (0.01, 0.02, 0.05, 0.1, 0.2)
"""Shares of wrong labels whose ceilings are told."""

Document = dict[str, Any]


def document_of(evaluation: Evaluation) -> Document:
    """All that is told of an evaluation; ``docs/models.md`` says what each key means."""
    document = _figures_document(evaluation)
    return document | {"words": asdict(words_of(document))}


def _figures_document(evaluation: Evaluation) -> Document:
    tagger, table = evaluation.taggers[0], evaluation.tables[0]
    groups = [track.group for track in evaluation.judged.tracks]
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "tonearm": version("tonearm"),
        "tagger": _tagger(tagger),
        "baseline": _tagger(evaluation.taggers[1]) if len(evaluation.taggers) > 1 else None,
        "set": {
            "kind": evaluation.kind,
            "location": location_of(evaluation.call.location),
            "digest": evaluation.digest,
            "split": str(evaluation.call.split),
        },
        "intervals": evaluation.call.resampling.told,
        "tracks": {
            "judged": len(groups),
            "failed": len(evaluation.judged.failures),
            "left_out": evaluation.judged.left_out,
            "groups": len(set(filter(None, groups))),
            "without_group": groups.count(""),
        },
        "not_judged": _not_judged(evaluation),
        "overall": _block(table, evaluation.figures.overall, range(len(table.tags))),
        "facets": [
            {"facet": facet, **_block(table, evaluation.figures.of_facets[facet], places)}
            for facet, places in table.facets.items()
        ],
        "tags": _tags(table, evaluation.figures),
        "confusions": {facet: [asdict(each) for each in found] for facet, found in confusions(table).items()},
        "parts": [
            {"column": column, "parts": [_part(name, *each) for name, each in parts.items()]}
            for column, parts in evaluation.parts.items()
        ],
        "worst_tracks": _worst_tracks(evaluation, table),
        "failures": [
            {**asdict(failure), "uri": stored_uri(failure.uri)} for failure in evaluation.judged.failures
        ],
        "comparison": _comparison(evaluation.comparison) if evaluation.comparison else None,
    }


def document_bytes(document: Document) -> bytes:
    """The file of a document; the same evaluation gives the same bytes."""
    return (json.dumps(document, ensure_ascii=False, indent=2, allow_nan=False) + "\n").encode(
        "utf-8", "backslashreplace"
    )


def _tagger(tagger: Tagger) -> Document:
    return {
        "identity": tagger.identity,
        "name": tagger.name,
        "version": tagger.version,
        "description": tagger.description,
        "bundle_sha256": tagger.bundle_hash,
        "frontend": tagger.front_end.fingerprint,
    }


def _not_judged(evaluation: Evaluation) -> Document:
    judged = evaluation.tables[0].tags
    tags, labels = {tag.tag for tag in judged}, {tag.label for tag in judged}
    return {
        "tags_without_label": sorted({rule.tag for rule in evaluation.taggers[0].tags} - tags),
        "labels_without_tag": sorted(set(evaluation.labels) - labels),
    }


def _block(table: Table, figures: dict[str, Figure], places: Sequence[int]) -> Document:
    """What is told of several tags together: macro means, and the calibration of all their scores."""
    counted = [place for place in told_by_both_sides(table) if place in places]
    return {
        "tags": len(places),
        "tags_in_means": len(counted),
        "figures": _figures(figures),
        "calibration": _calibration(reliability(table, places)),
    }


def _figures(figures: dict[str, Figure]) -> Document:
    return {name: {"value": each.value, "interval": _interval(each)} for name, each in figures.items()}


def _interval(figure: Figure) -> list[float] | None:
    return None if figure.interval is None else list(figure.interval)


def _calibration(found: Reliability) -> Document:
    return {
        "ece": found.ece,
        "ece_by_chance": found.ece_by_chance,
        "bins": [asdict(each) for each in found.bins],
    }


def _tags(table: Table, figures: Figures) -> list[Document]:
    counted = decisions(table.scores, table.truths, table.thresholds)
    witnesses = groups_that_tell(table)
    told = []
    for place, tag in enumerate(table.tags):
        truths = table.truths[:, place]
        positives, negatives = int((truths > 0).sum()), int((truths < 0).sum())
        of_tag = figures.of_tags[place]
        told.append(
            {
                **asdict(tag),
                "positives": positives,
                "negatives": negatives,
                "unknown": len(truths) - positives - negatives,
                "groups_that_tell": witnesses[place],
                "in_means": witnesses[place] > 0,
                "decisions": asdict(counted[place]),
                "figures": _figures(of_tag),
                "calibration": _calibration(reliability(table, [place])),
                "label_noise": _label_noise(positives, negatives, of_tag["roc_auc"]),
            }
        )
    return told


def _label_noise(positives: int, negatives: int, roc_auc: Figure) -> Document | None:
    """How many labels can be wrong, and what a perfect tagger would show; None without either side."""
    if not positives or not negatives:
        return None
    share = positives / (positives + negatives)
    measured = None if roc_auc.value is None else most_noise(roc_auc.value, share)
    low_end = None if roc_auc.interval is None else most_noise(roc_auc.interval[0], share)
    return {
        "positive_share": share,
        "by_measured": measured,
        "at_most": low_end,
        "ceilings": [{"noise": noise, "roc_auc": ceiling(noise, share)} for noise in _NOISES],
    }


def _part(name: str, table: Table, figures: Figures) -> Document:
    return {
        "part": name,
        "tracks": len(table.groups),
        **_block(table, figures.overall, range(len(table.tags))),
    }


def _worst_tracks(evaluation: Evaluation, table: Table) -> list[Document]:
    tracks = evaluation.judged.tracks
    return [
        {
            "track_id": tracks[worst.place].track_id,
            "uri": stored_uri(tracks[worst.place].uri),
            "loss": worst.loss,
            "missed": [{"label": label, "score": score} for label, score in worst.missed],
            "wrongly_said": [{"label": label, "score": score} for label, score in worst.wrongly_said],
        }
        for worst in worst_tracks(table, _WORST_TRACKS)
    ]


def _comparison(comparison: Comparison) -> Document:
    tagger = _side(comparison.tagger, comparison.of_tagger)
    baseline = _side(comparison.baseline, comparison.of_baseline)
    return {
        "labels": list(comparison.labels),
        "tagger": tagger,
        "baseline": baseline,
        "differences": {
            "overall": _differences(comparison.overall_differences, tagger["overall"], baseline["overall"]),
            "facets": {
                facet: _differences(found, tagger["facets"][facet], baseline["facets"][facet])
                for facet, found in comparison.facet_differences.items()
            },
            "tags": {
                label: _differences(found, tagger["tags"][label], baseline["tags"][label])
                for label, found in zip(comparison.labels, comparison.tag_differences, strict=True)
            },
        },
    }


def _side(table: Table, figures: Figures) -> Document:
    return {
        "overall": _block(table, figures.overall, range(len(table.tags))),
        "facets": {
            facet: _block(table, figures.of_facets[facet], places) for facet, places in table.facets.items()
        },
        "tags": {tag["label"]: tag for tag in _tags(table, figures)},
    }


def _differences(found: dict[str, Figure], ours: Document, theirs: Document) -> Document:
    """Differences of the figures, and of the calibration error, for which there is no interval."""
    first, second = ours["calibration"]["ece"], theirs["calibration"]["ece"]
    ece = None if first is None or second is None else first - second
    return {**_figures(found), "ece": {"value": ece, "interval": None}}
