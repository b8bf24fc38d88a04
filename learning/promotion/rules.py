"""The rules of a promotion: what an evaluation has to show before a bundle replaces the current one."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from tonearm.learning.promotion.report import Report
from tonearm.learning.promotion.root import PromotionError
from tonearm.models.bundles.tagger import Tagger
from tonearm.transforms.storage.contract import StorageError
from tonearm.transforms.storage.objects import joined, read_object

RULES = "promotion.json"
"""Name of the file in a root that changes the rules; each key may be left out."""


@dataclass(frozen=True, slots=True)
class Rules:
    """Bounds on the differences between a bundle and the current one, on the same tracks.

    Attributes:
        least_pr_auc_gain: The overall PR-AUC has to rise by more than this.
        most_facet_pr_auc_loss: No facet's PR-AUC may fall by more than this.
        most_calibration_error_rise: The overall calibration error (ECE) may rise by no more than this.
    """

    least_pr_auc_gain: float = 0.0
    most_facet_pr_auc_loss: float = 0.02
    most_calibration_error_rise: float = 0.01


def read_rules(root: str) -> Rules:
    """The rules of a root: those of its ``promotion.json``, and the defaults for what that leaves out.

    Raises:
        PromotionError: The file cannot be read, or holds something else than numbers under known keys.
    """
    location = joined(root, RULES)
    try:
        contents = read_object(location)
    except StorageError as error:
        raise PromotionError(f"The rules cannot be read: {error.message}") from error
    if contents is None:
        return Rules()
    try:
        told = json.loads(contents.content)
    except (ValueError, RecursionError) as error:
        raise PromotionError(f"{location} is no JSON: {error}") from error
    known = [field.name for field in fields(Rules)]
    if not isinstance(told, dict) or not told.keys() <= set(known):
        raise PromotionError(f"{location} may hold an object with the keys {', '.join(known)}, and no others")
    if wrong := [name for name, value in told.items() if not _is_number(value)]:
        raise PromotionError(f"{location}: {wrong[0]} has to be a number")
    return Rules(**told)


def broken_rules(
    rules: Rules, report: Report | None, tagger: Tagger, current: Tagger, *, may_change_front_end: bool
) -> tuple[str, ...]:
    """The rules that do not hold, each as a sentence; none if the bundle may take over.

    What the report leaves open, because the data set cannot tell it, counts as a rule that does not hold.

    Args:
        rules: The bounds.
        report: The evaluation, with the current bundle as its baseline; None if there is none.
        tagger: The bundle that is to take over.
        current: The one that is current.
        may_change_front_end: True if it may have another front end.
    """
    return tuple(_broken(rules, report, tagger, current, may_change_front_end=may_change_front_end))


def _broken(
    rules: Rules, report: Report | None, tagger: Tagger, current: Tagger, *, may_change_front_end: bool
) -> Iterator[str]:
    before, after = current.front_end.fingerprint, tagger.front_end.fingerprint
    if before != after and not may_change_front_end:
        yield f"its front end is {after}, and {current.identity} has {before} (--new_front_end allows it)"
    if report is None:
        yield f"no report compares it with {current.identity} (--report)"
        return
    if report.baseline_sha256 != current.bundle_hash:
        yield f"the report compares it with {report.baseline or 'no baseline'}, not with {current.identity}"
        return
    gain = report.pr_auc_gain
    if gain is None or not gain > rules.least_pr_auc_gain:
        yield f"its PR-AUC differs by {_told(gain)}, and has to rise by more than {rules.least_pr_auc_gain:g}"
    yield from _facets_that_lose(report.facet_pr_auc_gains, rules.most_facet_pr_auc_loss)
    rise = report.calibration_error_rise
    if rise is None or not rise <= rules.most_calibration_error_rise:
        most = rules.most_calibration_error_rise
        yield f"its calibration error differs by {_told(rise)}, and may rise by {most:g} at most"


def _facets_that_lose(gains: Mapping[str, float | None], most: float) -> Iterator[str]:
    for facet, gain in gains.items():
        if gain is None or not gain >= -most:
            yield f"the PR-AUC of {facet} differs by {_told(gain)}, and may fall by {most:g} at most"


def _told(difference: float | None) -> str:
    return "what the set cannot tell" if difference is None else f"{difference:+.4f}"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)
