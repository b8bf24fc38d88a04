"""``tonearm evaluate``: its options, and what a call comes to."""

from __future__ import annotations

import argparse
from typing import Any

from tonearm.learning.labelled.track import Split
from tonearm.pipelines.commands.extras import require_extra
from tonearm.pipelines.commands.taggers.judged_set import add_choice_of_tracks, add_judged_set

_DESCRIPTION = """\
Judge a tagger by tracks whose labels are known: what it is good at, what to distrust, and how sure that is.

SET is a data set that `tonearm dataset build` made, or a labelled manifest, of whose tracks those with
training_opt_in = true are read. Judge by tracks that the tagger has not learnt from: the part `test`.
Scores are those that `tonearm ingest` writes. Labels that are unknown count neither for nor against.

FOLDER gets
  report.html     to be read: one file that asks nothing of any other
  report.json     all figures, for programs
  scores.parquet  truths and scores of each track, from which every figure can be reckoned again
"""

_EPILOG = """\
examples:
  tonearm evaluate bundle/ dataset/ --output report/
  tonearm evaluate bundle/ labelled.csv --output report/ --baseline musicnn --by year --by genre
  tonearm evaluate musicnn labelled.csv --output report/ --map_vocabulary words.json
where words.json holds the set's label for a tagger's tag, or null to leave the tag out:
  {"vocals": "singing", "80s": null}

exit codes: 0 the report is written, even if tracks failed: they are counted and named in it; 1 it broke, or
no track could be scored; 2 the call was wrong.
"""


def add_to(commands: Any) -> None:
    """Add the subcommand to the parser."""
    parser = commands.add_parser(
        "evaluate",
        help="judge a tagger by tracks with known labels",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(job=_evaluate)
    add_judged_set(parser)
    parser.add_argument("--output", metavar="FOLDER", required=True, help="where the report goes")
    parser.add_argument("--replace", action="store_true", help="replace the evaluation that is in FOLDER")
    parser.add_argument(
        "--baseline",
        metavar="BUNDLE",
        help="another tagger, named as BUNDLE is and judged by the same tracks: the report tells what is "
        "better and what is worse",
    )
    parser.add_argument(
        "--by",
        metavar="COLUMN",
        action="append",
        default=[],
        help="tell figures apart by a further column of the manifest, or by licence or group; may be "
        "repeated. Length and codec are told apart anyway",
    )
    add_choice_of_tracks(parser, Split.TEST)


def _evaluate(known: argparse.Namespace, _: list[str]) -> None:
    require_extra("evaluate", "learn", "jinja2", "matplotlib", "sklearn")
    from tonearm.pipelines.reports.matplotlib_cache import prepare_matplotlib

    prepare_matplotlib()
    from tonearm.learning.evaluation.evaluation import EvaluationCall, evaluate
    from tonearm.learning.evaluation.report.document import document_of
    from tonearm.learning.evaluation.report.files import files_of
    from tonearm.learning.evaluation.report.folder import writable_folder, write_folder
    from tonearm.learning.evaluation.tracks.vocabulary import read_word_map
    from tonearm.pipelines.reports.taggers.evaluation import print_evaluation
    from tonearm.pipelines.reports.track_progress import track_progress
    from tonearm.transforms.tagging.stored_tagger import tagger_at

    folder = writable_folder(known.output, replace=known.replace)
    words = read_word_map(known.map_vocabulary) if known.map_vocabulary else {}
    call = EvaluationCall(known.set, Split(known.split), words, tuple(known.by))
    taggers = tuple(tagger_at(each) for each in (known.bundle, known.baseline) if each)
    with track_progress() as on_track:
        evaluation = evaluate(call, taggers, on_track)
    document = document_of(evaluation)
    write_folder(folder, files_of(evaluation, document))
    print_evaluation(document, folder)
