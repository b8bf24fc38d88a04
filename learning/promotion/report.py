"""What a promotion reads of an evaluation's ``report.json``."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tonearm.learning.promotion.root import PromotionError
from tonearm.transforms.storage.contract import StorageError
from tonearm.transforms.storage.objects import read_object
from tonearm.transforms.storage.schemes import normal_location

_FORMAT = ("tonearm-evaluation", 1)


@dataclass(frozen=True, slots=True)
class Report:
    """An evaluation of a bundle, perhaps beside a baseline.

    Attributes:
        sha256: Of the file.
        bundle_sha256: Which bundle it is about.
        baseline: ``name@version`` of the baseline; empty if there is none.
        baseline_sha256: Which bundle that is.
        pr_auc_gain: By how much the overall PR-AUC is above the baseline's, on the same tracks and labels;
            None if the set cannot tell.
        facet_pr_auc_gains: The same by facet.
        calibration_error_rise: By how much the overall calibration error is above the baseline's.
    """

    sha256: str
    bundle_sha256: str
    baseline: str = ""
    baseline_sha256: str = ""
    pr_auc_gain: float | None = None
    facet_pr_auc_gains: Mapping[str, float | None] = field(default_factory=dict)
    calibration_error_rise: float | None = None


def read_report(location: str) -> Report:
    """Read a ``report.json`` of ``tonearm evaluate``.

    Raises:
        PromotionError: There is none, or it is something else.
    """
    try:
        contents = read_object(normal_location(location))
    except StorageError as error:
        raise PromotionError(f"The report cannot be read: {error.message}") from error
    if contents is None:
        raise PromotionError(f"There is no report {location}; `tonearm evaluate` writes one, report.json")
    digest = hashlib.sha256(contents.content).hexdigest()
    try:
        return _report_of(json.loads(contents.content), digest)
    except (ValueError, TypeError, KeyError, RecursionError, AttributeError) as error:
        raise PromotionError(f"{location} is no report of `tonearm evaluate` that is known here") from error


def _report_of(told: Mapping[str, Any], digest: str) -> Report:
    if (told["format"], told["format_version"]) != _FORMAT:
        raise ValueError
    bundle = str(told["tagger"]["bundle_sha256"])
    if not (baseline := told["baseline"]):
        return Report(digest, bundle)
    differences = told["comparison"]["differences"]
    return Report(
        digest,
        bundle,
        str(baseline["identity"]),
        str(baseline["bundle_sha256"]),
        _number(differences["overall"]["pr_auc"]["value"]),
        {facet: _number(each["pr_auc"]["value"]) for facet, each in differences["facets"].items()},
        _number(differences["overall"]["ece"]["value"]),
    )


def _number(value: Any) -> float | None:
    if value is None:
        return None
    number = float(value)
    if not math.isfinite(number):
        raise ValueError
    return number
