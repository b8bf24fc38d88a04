"""``tonearm rollback``: the bundle that was current before becomes so again."""

from __future__ import annotations

import argparse
from typing import Any

from tonearm.pipelines.commands.taggers.promote import add_reason

_DESCRIPTION = """\
Make that bundle current again that was so before the last promotion. A second rollback goes one further
back. Rows that the bundle tagged that is taken back stay in the tables, under its name.
"""

_EPILOG = """\
example:
  tonearm rollback gs://catalog/taggers --why "drums everywhere"

exit codes: 0 it is current; 1 somebody else moved the pointer, or it broke; 2 the call was wrong, as nothing
was current before.
"""


def add_to(commands: Any) -> None:
    """Add the subcommand to the parser."""
    parser = commands.add_parser(
        "rollback",
        help="make the bundle current again that was so before",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(job=_roll_back)
    parser.add_argument("root", metavar="ROOT", help="folder or URL of the bundle root")
    add_reason(parser)


def _roll_back(known: argparse.Namespace, _: list[str]) -> None:
    from tonearm.learning.promotion.root import roll_back, root_location
    from tonearm.pipelines.reports.taggers.promotions import print_current

    root = root_location(known.root)
    print_current(root, roll_back(root, why=known.why, moved_by=known.by))
