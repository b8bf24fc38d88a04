"""A promotion from its beginning to its end: the rules are asked, then the pointer is moved."""

from __future__ import annotations

from dataclasses import dataclass, replace

from tonearm.errors import TonearmError
from tonearm.learning.promotion.report import Report, read_report
from tonearm.learning.promotion.root import (
    PromotionError,
    new_move,
    pointer_if_any,
    promote,
    require_whole,
)
from tonearm.learning.promotion.rules import broken_rules, read_rules
from tonearm.models.bundles.files import BundleError
from tonearm.models.bundles.loading import load_tagger
from tonearm.models.bundles.tagger import Tagger
from tonearm.transforms.storage.objects import read_beginning
from tonearm.transforms.tagging.bundle_root import MoveKind, Pointer
from tonearm.transforms.tagging.stored_tagger import absolute_tagger, named_tagger


class RulesBrokenError(TonearmError):
    """The bundle may not take over; the message says which rules do not hold."""


@dataclass(frozen=True, slots=True)
class PromotionOrder:
    """One call of ``tonearm promote``.

    Attributes:
        bundle: Name, folder or URL of the bundle.
        root: Folder or URL of the bundle root.
        report: Path or URL of the evaluation's ``report.json``; empty for none.
        why: The reason, for the history.
        moved_by: Who promotes; empty for the account that runs this.
        is_forced: True to promote against the rules.
        may_change_front_end: True if the bundle may have another front end than the current one.
    """

    bundle: str
    root: str
    report: str = ""
    why: str = ""
    moved_by: str = ""
    is_forced: bool = False
    may_change_front_end: bool = False


def promote_by_rule(order: PromotionOrder) -> Pointer:
    """Make a bundle the current one of a root, if the rules hold.

    The first bundle of a root needs no report: there is nothing that it has to be better than.

    Returns:
        The pointer as it is now.

    Raises:
        RulesBrokenError: Rules do not hold, and the promotion is not forced.
        PromotionError: The bundle cannot be promoted whatever the rules say.
        PointerMovedError: Somebody else moves the pointer at the same time.
        BundleError: The bundle is missing, damaged or inconsistent.
    """
    tagger = load_tagger(absolute_tagger(named_tagger(order.bundle).location), read_beginning)
    report = read_report(order.report) if order.report else None
    if report and report.bundle_sha256 != tagger.bundle_hash:
        raise PromotionError(
            f"{order.report} is about another bundle than {order.bundle}: evaluate this one, or name that one"
        )
    seen = pointer_if_any(order.root)
    broken = _broken(order, tagger, report, seen) if seen else ()
    if broken and not order.is_forced:
        raise RulesBrokenError(
            f"{tagger.identity} is not promoted: {'; '.join(broken)}. --force promotes it all the same, and "
            "the history says so"
        )
    move = replace(
        new_move(MoveKind.PROMOTE, tagger, why=order.why, moved_by=order.moved_by),
        report_sha256=report.sha256 if report else "",
        broken_rules=broken,
    )
    return promote(order.root, tagger, move, seen)


def _broken(order: PromotionOrder, tagger: Tagger, report: Report | None, seen: Pointer) -> tuple[str, ...]:
    if seen.current.bundle_sha256 == tagger.bundle_hash:
        raise PromotionError(f"{tagger.identity} is current in {order.root} already")
    try:
        current = require_whole(order.root, seen.current.bundle, seen.current.bundle_sha256)
    except (BundleError, PromotionError) as error:  # it must not stand in the way of a whole one
        why = str(error).rstrip(".")
        return (f"nothing compares it with {seen.current.bundle}, which is current and damaged: {why}",)
    return broken_rules(
        read_rules(order.root), report, tagger, current, may_change_front_end=order.may_change_front_end
    )
