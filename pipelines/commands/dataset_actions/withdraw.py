"""``tonearm dataset withdraw``: tracks that must not be trained on any longer."""

from __future__ import annotations

import argparse
from typing import Any

from tonearm.errors import TonearmError

_DESCRIPTION = """\
Withdraw the consent to training with tracks. The manifest's training_opt_in becomes false, every data set
below the folders is written anew without the tracks, and every bundle that learned from one of these data
sets is named: a network cannot forget, so it must be trained anew or deleted. No audio is opened; of a data
set only the shards that hold the tracks are written.
"""

_EPILOG = """\
examples:
  tonearm dataset withdraw track-17 --manifest labelled.csv --within sets/ taggers/
  tonearm dataset withdraw track-17 track-18 --manifest gs://b/ours.parquet --within gs://b/sets --dry_run

exit codes: 0 nothing that was found holds the tracks any longer; 1 bundles were found that hold them, or of
which it cannot be told, or it broke; 2 the call was wrong, nothing was changed. The same call goes on where a
killed one ended.
"""


class StillHeldError(TonearmError):
    """Bundles hold what was withdrawn, or may; which ones has been printed."""


def add_to(actions: Any) -> None:
    """Add the action to the parser."""
    parser = actions.add_parser(
        "withdraw",
        usage="tonearm dataset withdraw TRACK_ID… --manifest MANIFEST --within FOLDER… [--dry_run] [--json]",
        help="withdraw the consent to training with tracks",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(job=_run, parser=parser)
    parser.add_argument("track_ids", metavar="TRACK_ID", nargs="+", help="ids of the tracks")
    parser.add_argument(
        "--manifest", metavar="MANIFEST", required=True, help="labelled manifest, a path or URL"
    )
    parser.add_argument(
        "--within",
        metavar="FOLDER",
        nargs="+",
        required=True,
        help="folders and URLs below which all data sets, bundles and unfinished trainings lie",
    )
    parser.add_argument(
        "--dry_run", action="store_true", help="say what holds the tracks, and change nothing"
    )
    parser.add_argument("--json", action="store_true", help="print what was found and done as JSON")


def _run(known: argparse.Namespace, _: list[str]) -> None:
    from tonearm.learning.withdrawal.withdrawing import find_holdings, withdraw
    from tonearm.pipelines.reports.withdrawal import print_withdrawal

    holdings = find_holdings(known.manifest, list(dict.fromkeys(known.track_ids)), known.within)
    rewritten = None if known.dry_run else withdraw(holdings)
    print_withdrawal(holdings, rewritten, as_json=known.json)
    still = len(holdings.bundles) + len(holdings.untold) + len(holdings.trainings)
    if still:
        raise StillHeldError(f"bundles and trainings that hold the tracks, or may: {still}")
