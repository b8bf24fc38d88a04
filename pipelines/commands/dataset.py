"""``tonearm dataset``: labelled manifests, made of public data sets, and checked."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tonearm.errors import TonearmError
from tonearm.learning.datasets.registry import DATASETS
from tonearm.learning.licences import Purpose
from tonearm.pipelines.commands.option_types import positive_integer, positive_number

_IMPORT_DESCRIPTION = """\
Make a labelled manifest of a public data set that you have: of the folder ROOT that it was unpacked to.
Nothing is downloaded and no audio is opened. Rows that cannot be used are left out and told, with their
place. A track has training_opt_in = true only if its licence allows works that build on it.
"""

_IMPORT_EPILOG = """\
examples:
  tonearm dataset import openmic ~/openmic-2018 --output openmic.csv
  tonearm dataset import fma ~/fma --output fma.parquet --json

exit codes: 0 the manifest is written, even if rows were left out; 1 it broke; 2 the call was wrong, or
ROOT is not the data set.
"""


_CHECK_DESCRIPTION = """\
Find what is wrong with a labelled manifest before anything is trained on it: rows that cannot be used,
missing consent, labels spelt in two ways or with too few tracks, a group on both sides of a split, the same
audio under labels that contradict each other, audio that cannot be read or is too short. Audio is opened
of tracks with training_opt_in = true only, and nothing of it is kept. Nothing is changed.
"""

_CHECK_EPILOG = """\
examples:
  tonearm dataset check labelled.csv
  tonearm dataset check labelled.parquet --purpose commercial --json

exit codes: 0 nothing was found; 1 something was found, or it broke; 2 the call was wrong.
"""


class FindingsError(TonearmError):
    """Something is wrong with the manifest; what it is has been printed."""


def add_to(commands: Any) -> None:
    """Add the subcommand to the parser."""
    parser = commands.add_parser(
        "dataset", help="labelled tracks for training", description="Labelled tracks for training."
    )
    actions = parser.add_subparsers(title="actions", required=True, metavar="ACTION", dest="action")
    _add_import(actions)
    _add_check(actions)


def _add_import(actions: Any) -> None:
    parser = actions.add_parser(
        "import",
        help="make a labelled manifest of a public data set",
        description=_IMPORT_DESCRIPTION,
        epilog=_IMPORT_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(job=_import, parser=parser)
    parser.add_argument("dataset", metavar="DATASET", choices=DATASETS, help=", ".join(DATASETS))
    parser.add_argument("root", metavar="ROOT", type=Path, help="the folder that it was unpacked to")
    parser.add_argument(
        "--output", metavar="MANIFEST", required=True, help="file or URL: .csv, .jsonl or .parquet"
    )
    parser.add_argument("--json", action="store_true", help="print what was found as JSON, all of it")


def _import(known: argparse.Namespace, _: list[str]) -> None:
    from tonearm.learning.datasets.registry import read_dataset
    from tonearm.learning.labelled.writing import require_writable_kind, write_labelled
    from tonearm.pipelines.reports.datasets import print_import

    require_writable_kind(known.output)
    dataset = DATASETS[known.dataset]
    found = read_dataset(dataset, known.root)
    write_labelled(found.tracks, known.output)
    print_import(dataset, found, known.output, as_json=known.json)


def _add_check(actions: Any) -> None:
    parser = actions.add_parser(
        "check",
        help="find what is wrong with a labelled manifest",
        description=_CHECK_DESCRIPTION,
        epilog=_CHECK_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(job=_check, parser=parser)
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
    parser.add_argument("--json", action="store_true", help="print what was found as JSON")


def _check(known: argparse.Namespace, _: list[str]) -> None:
    from tonearm.learning.checks.manifest import CheckSettings, check_manifest
    from tonearm.pipelines.reports.dataset_check import print_check

    purpose = Purpose(known.purpose) if known.purpose else None
    settings = CheckSettings(
        purpose, known.min_positives, known.min_groups, known.min_seconds, not known.without_audio
    )
    report = check_manifest(known.manifest, settings)
    print_check(report, known.manifest, as_json=known.json)
    if report.findings:
        raise FindingsError(f"{known.manifest}: findings: {len(report.findings)}")
