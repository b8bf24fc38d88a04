"""``tonearm compare``: which tags change from one tagger to another."""

from __future__ import annotations

import argparse
from contextlib import nullcontext
from typing import Any

from tonearm.pipelines.commands.option_types import positive_integer

_DESCRIPTION = """\
Compare the tags that two taggers, A and B, gave the same tracks, by their rows in the tables of OUT: which
tags are gained and lost if B takes A's place, for how many tracks of each facet and source, and which tracks
to listen to first. Of tracks that a tagger tagged several times the latest row counts. Words that only one of
the two has are named and not compared.
"""

_EPILOG = """\
examples:
  tonearm compare tags/ musicnn@2 ours@1
  tonearm compare gs://catalog/tags ours@1 ours@2 --by label --changed changed.csv
  tonearm compare bigquery://project.music ours@1 ours@2 --json

exit codes: 0 it is compared; 1 it broke; 2 the call was wrong, as one of the taggers has no rows there.
"""


def add_to(commands: Any) -> None:
    """Add the subcommand to the parser."""
    parser = commands.add_parser(
        "compare",
        help="tell which tags change from one tagger to another",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(job=_compare)
    parser.add_argument("output", metavar="OUT", help="folder, URL or dataset of the tables")
    parser.add_argument("first", metavar="A", help="name@version of the tagger that is compared with")
    parser.add_argument("second", metavar="B", help="name@version of the other")
    parser.add_argument(
        "--by",
        metavar="COLUMN",
        default="",
        help="tell sources apart by codec, input_kind, or a column of the manifest's own (default: by the "
        "first folder or bucket in which tracks differ)",
    )
    parser.add_argument(
        "--limit",
        metavar="TRACKS",
        type=positive_integer,
        default=20,
        help="tracks to listen to first (default: 20)",
    )
    parser.add_argument(
        "--changed",
        metavar="FILE",
        help="write all tracks whose tags change, as CSV, to a file that is not there yet",
    )
    parser.add_argument("--json", action="store_true", help="print all counts as JSON")


def _compare(known: argparse.Namespace, _: list[str]) -> None:
    from tonearm.learning.local_places import local_place
    from tonearm.learning.tag_changes.comparing import ComparisonOrder, compare
    from tonearm.pipelines.reports.taggers.changed_tracks import changed_tracks_file
    from tonearm.pipelines.reports.taggers.tag_changes import print_comparison
    from tonearm.transforms.tables.reading import require_runs

    changed = local_place(known.changed, "--changed") if known.changed else None
    require_runs(known.output)
    order = ComparisonOrder(known.output, known.first, known.second, known.by, known.limit)
    with changed_tracks_file(changed) if changed else nullcontext() as on_change:
        comparison = compare(order, on_change)
    print_comparison(comparison, as_json=known.json)
