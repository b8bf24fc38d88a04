"""``tonearm label_next``: the tracks whose labels teach a tagger most, as a manifest to be filled in."""

from __future__ import annotations

import argparse
from typing import Any

from tonearm.errors import WrongCallError
from tonearm.models.bundles.tagger import FACETS
from tonearm.pipelines.commands.option_types import positive_integer

_DESCRIPTION = """\
Choose the N tracks of a tagged catalog to label next, and write a manifest in which people fill in labels and
consent. Chosen are tracks that stand for many others, by their embeddings, of which the tagger is unsure, by
its scores and thresholds. The manifest tells what the tagger thinks, and leaves `labels` and
`training_opt_in` blank: nothing is opted in by itself.

Manifests are numbered: FOLDER/labels-001.csv, labels-002.csv. No track is asked for twice: what
stands in a manifest of FOLDER, or in one of --labelled, is left out, and so is the same audio under another
name. `tonearm dataset check` says what is still blank, and takes them all as one: 'FOLDER/labels-*.csv'.
"""

_EPILOG = """\
examples:
  tonearm label_next tags/ 50 --output to_label/
  tonearm label_next gs://catalog/tags 200 --output gs://catalog/to_label --facet instrument \\
      --labelled gs://catalog/labelled.csv
  tonearm label_next tags/ 50 --output to_label/ --tag flute --tag harp

exit codes: 0 a manifest is written, if there were tracks enough or not; 1 it broke; 2 the call was wrong, as
there is no track left to ask for.
"""


def add_to(commands: Any) -> None:
    """Add the subcommand to the parser."""
    parser = commands.add_parser(
        "label_next",
        help="choose the tracks to label next",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(job=_label_next)
    parser.add_argument("tables", metavar="OUT", help="folder, URL or dataset of the tables")
    parser.add_argument("count", metavar="N", type=positive_integer, help="how many tracks")
    parser.add_argument(
        "--output",
        metavar="FOLDER",
        required=True,
        help="folder or URL of the manifests to fill in, made if missing",
    )
    parser.add_argument("--tagger", metavar="NAME@VERSION", help="whose rows (default: the last run's)")
    parser.add_argument(
        "--facet",
        metavar="FACET",
        action="append",
        choices=FACETS,
        default=[],
        help=f"ask for labels of this facet ({', '.join(FACETS)}); may be given again (default: all tags)",
    )
    parser.add_argument(
        "--tag",
        metavar="TAG",
        action="append",
        default=[],
        help="ask for labels of this tag, a word of the tagger's; may be given again",
    )
    parser.add_argument(
        "--labelled",
        metavar="FILE",
        action="extend",
        nargs="+",
        default=[],
        help="labelled manifests: their tracks are left out, and what is chosen differs from them",
    )


def _label_next(known: argparse.Namespace, _: list[str]) -> None:
    from tonearm.learning.next_labels.asked import asked_tracks, earlier_manifests
    from tonearm.learning.next_labels.choosing import LabelRequest, choose_tracks
    from tonearm.learning.next_labels.sheet import write_sheet
    from tonearm.learning.next_labels.uncertainty import WantedTags
    from tonearm.pipelines.reports.taggers.label_choice import print_choice
    from tonearm.transforms.storage.schemes import normal_location
    from tonearm.transforms.tables.reading import require_runs, tagger_of

    require_runs(known.tables)
    tagger = tagger_of(known.tables, known.tagger)
    folder = normal_location(known.output)
    earlier = earlier_manifests(folder)
    asked = asked_tracks([*earlier, *known.labelled])
    wanted = WantedTags(frozenset(known.facet), frozenset(known.tag))
    choice = choose_tracks(LabelRequest(known.tables, tagger, known.count, wanted, asked))
    if not choice.tracks:
        why = (
            "the table embeddings lacks all that were not asked for; `tonearm ingest --retag` writes them"
            if choice.lacks_embeddings
            else "all were asked for"
        )
        raise WrongCallError(f"{known.tables} has no track of {tagger} left to ask for: {why}")
    print_choice(choice, known.count, tagger, write_sheet(folder, earlier, choice.tracks, tagger))
