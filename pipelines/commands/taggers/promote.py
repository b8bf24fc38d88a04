"""``tonearm promote``: a bundle becomes the current one of a bundle root, if the rules hold."""

from __future__ import annotations

import argparse
from typing import Any

_DESCRIPTION = """\
Copy a bundle into a bundle root, as ROOT/NAME@VERSION, and make it the current one. `tonearm ingest --tagger
ROOT` tags with whatever is current; a stream on one machine changes over between two shares of tracks.

From the second bundle on the rules of ROOT/promotion.json have to hold, on a report that compares BUNDLE
with the current one on the same tracks: the PR-AUC rises, no facet loses more than 0.02, and the calibration
error rises by no more than 0.01. The file may hold other bounds. A bundle in a root never changes.
"""

_EPILOG = """\
examples:
  tonearm promote example-output/bundle gs://catalog/taggers --why "the first one of our own"
  tonearm evaluate ours-2 dataset --baseline gs://catalog/taggers --output report-2
  tonearm promote ours-2 gs://catalog/taggers --report report-2/report.json

exit codes: 0 it is current; 1 a rule does not hold, somebody else moved the pointer, or it broke; 2 the call
was wrong.
"""


def add_to(commands: Any) -> None:
    """Add the subcommand to the parser."""
    parser = commands.add_parser(
        "promote",
        help="make a bundle the current one of a bundle root, if the rules hold",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(job=_promote)
    parser.add_argument(
        "bundle",
        metavar="BUNDLE",
        help="name, folder or URL of the bundle; of another bundle root the current one",
    )
    parser.add_argument("root", metavar="ROOT", help="folder or URL of the bundle root, made if missing")
    parser.add_argument(
        "--report",
        metavar="FILE",
        default="",
        help="report.json of `tonearm evaluate`, with the current bundle as its baseline",
    )
    add_reason(parser)
    parser.add_argument("--force", action="store_true", help="promote against the rules; the history says so")
    parser.add_argument(
        "--new_front_end",
        action="store_true",
        help="the bundle may have another front end: streams that run have to be started again",
    )


def add_reason(parser: argparse.ArgumentParser) -> None:
    """Add the options of who moves a pointer and why."""
    parser.add_argument("--why", metavar="TEXT", default="", help="the reason, for the history")
    parser.add_argument(
        "--by", metavar="NAME", default="", help="who does it, for the history (default: the account)"
    )


def _promote(known: argparse.Namespace, _: list[str]) -> None:
    from tonearm.learning.promotion.promoting import PromotionOrder, promote_by_rule
    from tonearm.learning.promotion.root import root_location
    from tonearm.pipelines.reports.taggers.promotions import print_current

    root = root_location(known.root)
    order = PromotionOrder(
        known.bundle, root, known.report, known.why, known.by, known.force, known.new_front_end
    )
    print_current(root, promote_by_rule(order))
