"""``tonearm calibrate``: its options, and what a call comes to."""

from __future__ import annotations

import argparse
from typing import Any

from tonearm.errors import WrongCallError
from tonearm.learning.labelled.track import Split
from tonearm.pipelines.commands.extras import require_extra
from tonearm.pipelines.commands.option_types import fraction
from tonearm.pipelines.commands.taggers.judged_set import add_choice_of_tracks, add_judged_set

_DESCRIPTION = """\
Fit a tagger's confidence to a catalog's own labels, and write a new version of its bundle: for each tag a
curve from scores to probabilities, and a threshold with the best F1, or for a wanted precision. What
precision and recall to expect of tracks that are not labelled yet, with intervals, stands in the bundle's
card. The networks stay as they are.

SET is a data set that `tonearm dataset build` made, or a labelled manifest, of whose tracks those with
training_opt_in = true are read. A tag with fewer than 10 tracks that have it, or that lack it, or of fewer
than 5 groups, is left as it was, and is told. Judge the new version by tracks that it was not fitted on.
"""

_EPILOG = """\
examples:
  tonearm calibrate musicnn labelled.csv --output musicnn-ours --version 1-ours
  tonearm calibrate bundle/ dataset/ --output bundle-2/ --version 2 --precision 0.9
  tonearm evaluate bundle-2/ dataset/ --output report/ --baseline bundle/

exit codes: 0 the bundle is written; 1 it broke, or no track could be scored; 2 the call was wrong, or these
labels tell of no tag enough: nothing is written.
"""


def add_to(commands: Any) -> None:
    """Add the subcommand to the parser."""
    parser = commands.add_parser(
        "calibrate",
        help="fit a tagger's probabilities and thresholds to labels of your own",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(job=_calibrate)
    add_judged_set(parser)
    parser.add_argument("--output", metavar="NEW_BUNDLE", required=True, help="folder of the new bundle")
    parser.add_argument(
        "--version", required=True, metavar="VERSION", help="its version, which has to be another one"
    )
    parser.add_argument(
        "--precision",
        metavar="SHARE",
        type=fraction,
        help="of the tracks that get a tag so many are to have it, such as 0.9 (default: the best F1)",
    )
    add_choice_of_tracks(parser, Split.VALIDATION)


def _calibrate(known: argparse.Namespace, _: list[str]) -> None:
    require_extra("calibrate", "learn", "sklearn")
    from tonearm.learning.calibration.calibrating import CalibrationCall, calibrate
    from tonearm.learning.calibration.recalibrating import Recalibrated
    from tonearm.learning.evaluation.tracks.vocabulary import read_word_map
    from tonearm.learning.local_places import local_place
    from tonearm.models.bundles.writing import require_new_bundle, write_bundle_files
    from tonearm.pipelines.reports.calibration import print_calibration, print_written
    from tonearm.pipelines.reports.track_progress import track_progress
    from tonearm.transforms.tagging.bundle_root import require_identity
    from tonearm.transforms.tagging.stored_tagger import tagger_at

    folder = local_place(known.output, "--output")
    require_new_bundle(folder)
    words = read_word_map(known.map_vocabulary) if known.map_vocabulary else {}
    tagger = tagger_at(known.bundle)
    if known.version == tagger.version:
        raise WrongCallError(
            f"--version {known.version} is that of {known.bundle}: a new bundle has a new one"
        )
    require_identity(tagger.name, known.version)
    call = CalibrationCall(known.set, known.version, Split(known.split), known.precision, words)
    with track_progress() as on_track:
        result = calibrate(call, tagger, on_track)
    print_calibration(result)
    if not any(isinstance(outcome, Recalibrated) for outcome in result.outcomes):
        raise WrongCallError("these labels tell of no tag enough, so no bundle is written; label more tracks")
    print_written(write_bundle_files(folder, result.files), folder)
