"""``tonearm dataset build``: a data set of a labelled manifest."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

from tonearm.errors import WrongCallError
from tonearm.learning.building.rules import MIN_POSITIVES, PATCHES_PER_TRACK, SPLIT_FRACTION, BuildRules
from tonearm.pipelines.commands.option_types import fraction, positive_integer
from tonearm.pipelines.commands.run_options.shared import add_failure_limit, add_reading_options
from tonearm.transforms.elements.decoder_choice import DecoderChoice, require_installed

if TYPE_CHECKING:
    from tonearm.models.front_end import FrontEnd

_DESCRIPTION = """\
Build a data set of a labelled manifest: the spectrograms of its tracks in patches, with their labels, that a
tagger is trained on, validated and tested with. Patches are bit for bit those that `tonearm ingest` shows a
network. A track without training_opt_in = true is left out, and its audio is not opened.

What the manifest or the options are wrong in is told before a track is opened. A build can be stopped or
killed at any time: the same command goes on where it ended. The same manifest and options give the same data
set, to the bit and with the same digest, wherever it is built. Options of Beam, such as --runner, build it on
a cluster.
"""

_EPILOG = """\
examples:
  tonearm dataset build labelled.csv --output dataset/
  tonearm dataset build labelled.csv --output dataset/ --labels 'piano; guitar; drums' --patches_per_track 8
  tonearm dataset build jamendo.parquet --output gs://bucket/dataset --labels 'instrument---*'

exit codes: 0 the data set is whole, even if tracks failed; 1 it broke, or more failed than
--max_failed_fraction allows; 2 the call, the manifest or its labels and splits are wrong; 130 or 143 Ctrl-C
or SIGTERM came before its end.
"""


def add_to(actions: Any) -> None:
    """Add the action to the parser."""
    parser = actions.add_parser(
        "build",
        usage="tonearm dataset build MANIFEST --output DATASET [OPTION …]",
        help="build a data set of a labelled manifest",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(job=_run, parser=parser)
    parser.add_argument("manifest", metavar="MANIFEST", help="labelled manifest, a path or URL")
    parser.add_argument(
        "--output",
        metavar="DATASET",
        required=True,
        help="folder of the data set and of nothing else, made if missing, or a URL such as gs://bucket/dataset",
    )
    parser.add_argument("--json", action="store_true", help="print what is in it as JSON")
    add_failure_limit(parser.add_argument_group("output"))
    _add_labels(parser.add_argument_group("labels"))
    _add_splits(parser)
    _add_spectrograms(parser)


def _add_labels(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--labels",
        metavar="LABELS",
        default="",
        help="the labels to learn, parted by semicolons; a name that ends in * takes all that begin so "
        "(default: all that training tracks have and lack)",
    )
    group.add_argument(
        "--min_positives",
        metavar="N",
        type=positive_integer,
        default=MIN_POSITIVES,
        help=f"training tracks that a label holds for at least (default: {MIN_POSITIVES})",
    )


def _add_splits(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "splits",
        "the manifest's own; one that it gives no track is drawn, by group, from those open or for training",
    )
    for name in ("validation", "test"):
        group.add_argument(
            f"--{name}",
            metavar="FRACTION",
            type=fraction,
            default=SPLIT_FRACTION,
            help=f"part of these groups that is drawn for {name}; 0 for none (default: {SPLIT_FRACTION:g})",
        )
    group.add_argument(
        "--seed", metavar="N", type=int, default=0, help="decides which groups these are (default: 0)"
    )


def _add_spectrograms(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group(
        "spectrograms",
        "--direct_num_workers N, an option of Beam, says how many workers there are (default: one per core)",
    )
    group.add_argument(
        "--patches_per_track",
        metavar="N",
        type=positive_integer,
        default=PATCHES_PER_TRACK,
        help="patches of a track that are kept at most, evenly spread over it "
        f"(default: {PATCHES_PER_TRACK}, 48 s of the embedded tagger's)",
    )
    group.add_argument(
        "--front_end",
        metavar="FILE",
        help="settings of the front end, a JSON object, in place of a tagger's",
    )
    add_reading_options(group)


def _run(known: argparse.Namespace, beam_options: list[str]) -> None:
    from tonearm.pipelines.build import BuildOrder, build_dataset
    from tonearm.pipelines.commands.bad_end import bad_end
    from tonearm.pipelines.reports.dataset_build import print_build
    from tonearm.pipelines.runs.beam_options import read_beam_options
    from tonearm.transforms.storage.payer import Payer

    order = BuildOrder(
        manifest=known.manifest,
        output=known.output,
        front_end=_front_end(known),
        rules=_rules(known),
        max_failed_fraction=known.max_failed_fraction,
        payer=Payer(known.billing_project, s3=known.s3_requester_pays),
        beam=read_beam_options(beam_options),
    )
    try:
        built = build_dataset(order)
    except Exception as error:
        raise bad_end(error, _STAYS) from error
    print_build(built.location, built.description, was_there=built.was_there, as_json=known.json)


_STAYS = "No data set was made; once the cause is mended, the same command goes on where this one ended"


def _rules(known: argparse.Namespace) -> BuildRules:
    """The rules that a command line asks for.

    Raises:
        WrongCallError: They cannot be as given, or the decoder is not installed.
    """
    if known.validation + known.test >= 1:
        raise WrongCallError(
            "--validation and --test leave nothing to train on: together they must stay below 1"
        )
    decoder = DecoderChoice(known.decoder)
    require_installed(decoder)
    return BuildRules(
        labels=tuple(sorted({label.strip() for label in known.labels.split(";")} - {""})),
        min_positives=known.min_positives,
        validation=known.validation,
        test=known.test,
        seed=known.seed,
        patches_per_track=known.patches_per_track,
        decoder=decoder,
        max_track_bytes=known.max_track_bytes,
    )


def _front_end(known: argparse.Namespace) -> FrontEnd:
    """The front end that a command line asks for.

    Raises:
        WrongCallError: Two are asked for, or the file describes none.
        BundleError: The tagger cannot be loaded.
    """
    from tonearm.learning.building.front_end_file import read_front_end
    from tonearm.transforms.tagging.stored_tagger import tagger_at

    if not known.front_end:
        return tagger_at(known.tagger).front_end
    if "--tagger" in known.given:
        raise WrongCallError("--tagger and --front_end each name a front end: give one of them")
    return read_front_end(known.front_end)
