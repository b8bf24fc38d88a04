"""``tonearm dataset check``: what is wrong with a labelled manifest."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from tonearm.errors import TonearmError, WrongCallError
from tonearm.learning.licences import Purpose
from tonearm.pipelines.commands.extras import require_extra
from tonearm.pipelines.commands.option_types import fraction, positive_integer, positive_number

if TYPE_CHECKING:
    from tonearm.models.bundles.tagger import Tagger

_DESCRIPTION = """\
Find what is wrong with a labelled manifest before anything is trained on it: rows that cannot be used,
missing consent, labels spelt in two ways or with too few tracks, a group on both sides of a split, the same
recording in two splits or with labels that contradict each other, though it was encoded again, audio that
cannot be read or is too short. Audio is opened of tracks with training_opt_in = true only, and nothing of it
is kept. Nothing is changed.
"""

_EPILOG = """\
examples:
  tonearm dataset check labelled.csv
  tonearm dataset check labelled.parquet --purpose commercial --json
  tonearm dataset check labelled.csv --suspects

exit codes: 0 nothing was found; 1 something was found, or it broke; 2 the call was wrong.
"""


class FindingsError(TonearmError):
    """Something is wrong with the manifest; what it is has been printed."""


def add_to(actions: Any) -> None:
    """Add the action to the parser."""
    parser = actions.add_parser(
        "check",
        help="find what is wrong with a labelled manifest",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(job=_run, parser=parser)
    parser.add_argument("manifest", metavar="MANIFEST", help="labelled manifest, a path or URL")
    parser.add_argument(
        "--purpose",
        choices=[str(purpose) for purpose in Purpose],
        metavar="PURPOSE",
        help="research or commercial: find licences that forbid it (default: licences are not looked at)",
    )
    parser.add_argument(
        "--min_positives",
        metavar="N",
        type=positive_integer,
        default=10,
        help="tracks with consent that a label should hold for (default: 10)",
    )
    parser.add_argument(
        "--min_groups",
        metavar="N",
        type=positive_integer,
        default=3,
        help="groups that these tracks should be of, where groups are given (default: 3)",
    )
    parser.add_argument(
        "--min_seconds",
        metavar="SECONDS",
        type=positive_number,
        default=3.0,
        help="shorter audio is too short (default: 3, a patch of the embedded tagger)",
    )
    parser.add_argument("--without_audio", action="store_true", help="open no audio at all")
    parser.add_argument(
        "--suspects",
        action="store_true",
        help="also find labels that what is heard speaks against, the worst first (extra learn); takes 0.4 "
        "processor seconds a track and half a second a label for every 1,000 tracks",
    )
    parser.add_argument(
        "--suspect_fraction",
        metavar="FRACTION",
        type=fraction,
        help="with --suspects: name this part of all labels that are given, the worst (default: those whose "
        "opposite is predicted confidently and with a probability of 0.9 or more)",
    )
    parser.add_argument(
        "--tagger",
        metavar="BUNDLE",
        default="musicnn",
        help="bundle, or bundle root, whose embeddings --suspects looks at (default: musicnn)",
    )
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")


def _run(known: argparse.Namespace, _: list[str]) -> None:
    from tonearm.learning.checks.manifest import CheckSettings, check_manifest
    from tonearm.pipelines.reports.dataset_check import print_check
    from tonearm.pipelines.reports.track_progress import track_progress

    purpose = Purpose(known.purpose) if known.purpose else None
    settings = CheckSettings(
        purpose=purpose,
        min_positives=known.min_positives,
        min_groups=known.min_groups,
        min_seconds=known.min_seconds,
        listen=not known.without_audio,
        suspects_by=_tagger(known) if known.suspects else None,
        suspect_fraction=known.suspect_fraction,
    )
    with track_progress() as progress:
        report = check_manifest(known.manifest, settings, progress)
    print_check(report, known.manifest, as_json=known.json)
    if report.findings:
        raise FindingsError(f"{known.manifest}: findings: {len(report.findings)}")


def _tagger(known: argparse.Namespace) -> Tagger:
    """The bundle whose embeddings are looked at.

    Raises:
        WrongCallError: The extra ``learn`` is missing, or no audio is to be opened.
        BundleError: There is no such bundle.
    """
    from tonearm.transforms.tagging.stored_tagger import tagger_at

    if known.without_audio:
        raise WrongCallError("--suspects needs the audio: leave out --without_audio")
    require_extra("--suspects", "learn", "sklearn")
    return tagger_at(known.tagger)
