"""``tonearm dataset import``: a labelled manifest of a public data set."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from tonearm.learning.public_datasets.registry import PUBLIC_DATASETS

_DESCRIPTION = """\
Make a labelled manifest of a public data set that you have: of the folder ROOT that it was unpacked to.
Nothing is downloaded and no audio is opened. Rows that cannot be used are left out and told, with their
place. A track has training_opt_in = true only if its licence allows works that build on it.
"""

_EPILOG = """\
examples:
  tonearm dataset import openmic ~/openmic-2018 --output openmic.csv
  tonearm dataset import fma ~/fma --output fma.parquet --json

exit codes: 0 the manifest is written, even if rows were left out; 1 it broke; 2 the call was wrong, or
ROOT is not the data set.
"""


def add_to(actions: Any) -> None:
    """Add the action to the parser."""
    parser = actions.add_parser(
        "import",
        help="make a labelled manifest of a public data set",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(job=_run, parser=parser)
    parser.add_argument(
        "dataset", metavar="DATASET", choices=PUBLIC_DATASETS, help=", ".join(PUBLIC_DATASETS)
    )
    parser.add_argument("root", metavar="ROOT", type=Path, help="the folder that it was unpacked to")
    parser.add_argument(
        "--output", metavar="MANIFEST", required=True, help="file or URL: .csv, .jsonl or .parquet"
    )
    parser.add_argument("--json", action="store_true", help="print what was found as JSON, all of it")


def _run(known: argparse.Namespace, _: list[str]) -> None:
    from tonearm.learning.labelled.writing import require_writable_kind, write_labelled
    from tonearm.learning.public_datasets.registry import read_public_dataset
    from tonearm.pipelines.reports.public_datasets import print_import

    require_writable_kind(known.output)
    dataset = PUBLIC_DATASETS[known.dataset]
    found = read_public_dataset(dataset, known.root)
    write_labelled(found.tracks, known.output)
    print_import(dataset, found, known.output, as_json=known.json)
