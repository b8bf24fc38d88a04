"""``tonearm history``: every promotion and rollback of a bundle root."""

from __future__ import annotations

import argparse
from typing import Any


def add_to(commands: Any) -> None:
    """Add the subcommand to the parser."""
    parser = commands.add_parser(
        "history",
        help="print every promotion and rollback of a bundle root",
        description="Print what was current in a bundle root, from when on, by whom and why.",
        allow_abbrev=False,
    )
    parser.set_defaults(job=_history)
    parser.add_argument("root", metavar="ROOT", help="folder or URL of the bundle root")
    parser.add_argument("--json", action="store_true", help="print it as JSON")


def _history(known: argparse.Namespace, _: list[str]) -> None:
    from tonearm.learning.promotion.root import pointer_of, root_location
    from tonearm.pipelines.reports.taggers.promotions import print_history

    print_history(pointer_of(root_location(known.root)), as_json=known.json)
