"""``tonearm train``: its options, and what a call comes to."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from tonearm.errors import WrongCallError
from tonearm.models.architectures import ARCHITECTURES
from tonearm.models.bundles.tagger import FACETS
from tonearm.pipelines.commands.extras import require_extra
from tonearm.pipelines.commands.option_types import (
    fraction,
    natural_number,
    number_from_zero,
    positive_integer,
    positive_number,
)

if TYPE_CHECKING:
    from tonearm.learning.training.call import TrainingCall
    from tonearm.learning.training.inputs.vocabulary import Meaning
    from tonearm.learning.training.settings import TrainingSettings
    from tonearm.learning.training.start import Base, Tune

_DESCRIPTION = """\
Train a tagger on a built data set and write it as a bundle, which `tonearm ingest --tagger` takes.

It learns from the train split and stops when the validation split, on tracks, gets no better; the test split
is not opened. Thresholds and probabilities are fitted on the validation split. The same call on the same kind
of machine gives the same weights to the bit, also if it was killed and went on with --resume.
"""

_EPILOG = """\
examples:
  tonearm train sets/ours --output taggers/ours --facet instrument
      a short-chunk CNN from scratch; each label is an instrument

  tonearm train sets/ours --output taggers/ours --facets facets.csv --from musicnn --network msd --tune head
      only the last layer of an embedded network: minutes on a CPU, and a good first try with few tracks

  tonearm train sets/ours --output taggers/ours --facet instrument --resume
      go on where it was stopped or killed

facets.csv has a row for each label, and may rename it: label,facet,tag

how long it takes: on one core a patch of 3 s costs some 2 ms in bf16 and 4 ms in float32, so an epoch over
10,000 tracks with 4 patches each takes 2 to 3 minutes. musicnn as a whole (--tune all) takes forty times
that: use a GPU.

exit codes: 0 the bundle is written; 1 it broke; 2 the call or the data set cannot be used; 130, 143 stopped
by Ctrl-C or SIGTERM. Whenever it ends without a bundle, BUNDLE.training has what --resume needs.
"""


def add_to(commands: Any) -> None:
    """Add the subcommand to the parser."""
    parser = commands.add_parser(
        "train",
        help="train a tagger on a built data set",
        description=_DESCRIPTION,
        epilog=_EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.set_defaults(job=_train, parser=parser)
    parser.add_argument(
        "dataset", metavar="DATASET", help="built by `tonearm dataset build`: a folder or URL"
    )
    parser.add_argument("--output", metavar="BUNDLE", required=True, help="folder of the new bundle")
    _add_vocabulary(parser.add_argument_group("labels and tags"))
    _add_network(parser.add_argument_group("network"))
    _add_learning(parser.add_argument_group("learning"))
    _add_augmentation(
        parser.add_argument_group("augmentation: how patches are changed each time they are shown")
    )
    _add_running(parser.add_argument_group("running"))


def _add_vocabulary(group: Any) -> None:
    facet = group.add_mutually_exclusive_group(required=True)
    facet.add_argument("--facet", choices=FACETS, help="what all labels are")
    facet.add_argument(
        "--facets", metavar="FILE", help="CSV with the columns label, facet and, if need be, tag"
    )
    group.add_argument(
        "--min_positives",
        metavar="N",
        type=positive_integer,
        help="leave out labels that fewer tracks have in train or in validation "
        "(default: it is an error if one has none)",
    )
    group.add_argument("--name", help="the new tagger's name (default: BUNDLE's last part)")
    group.add_argument("--version", metavar="VERSION", default="1", help="its version (default: 1)")


def _add_network(group: Any) -> None:
    group.add_argument(
        "--architecture",
        choices=ARCHITECTURES,
        help="kind of network (default: short_chunk, or that of --from)",
    )
    group.add_argument(
        "--from",
        dest="base",
        metavar="BUNDLE",
        help="begin with a bundle's network, or with that of the current one of a bundle root",
    )
    group.add_argument("--network", metavar="NAME", help="which of its networks, if it has several")
    group.add_argument(
        "--tune",
        choices=("head", "all"),
        help="with --from: the last layer only, or all weights (default: head)",
    )


def _add_learning(group: Any) -> None:
    group.add_argument("--epochs", type=positive_integer, help="rounds over the tracks at most (default: 30)")
    group.add_argument(
        "--patience", type=positive_integer, help="stop after so many rounds without a gain (default: 8)"
    )
    group.add_argument("--batch", type=positive_integer, help="patches of a step (default: 16)")
    group.add_argument(
        "--patches_per_track",
        type=positive_integer,
        help="random patches of each track in a round (default: 4)",
    )
    group.add_argument(
        "--learning_rate",
        type=positive_number,
        help="highest of the schedule (default: 0.003; with --tune head 0.001, with all 0.0001)",
    )
    group.add_argument("--warm_up", type=fraction, help="share of the steps until then (default: 0.05)")
    group.add_argument("--weight_decay", type=number_from_zero, help="AdamW's (default: 0.01)")
    group.add_argument("--dropout", type=fraction, help="share of the embedding left out (default: 0.1)")
    group.add_argument(
        "--average_decay", type=fraction, help="of the average of weights that is kept (default: 0.998)"
    )
    group.add_argument(
        "--positive_weight_limit",
        type=positive_number,
        help="the most that a rare label's positive counts for (default: 4; 1 for no balance)",
    )
    group.add_argument("--seed", type=natural_number, help="decides all that is random (default: 0)")


def _add_augmentation(group: Any) -> None:
    group.add_argument("--gain_db", type=number_from_zero, help="loudness, either way (default: 6)")
    group.add_argument("--equaliser_db", type=number_from_zero, help="parts of the spectrum (default: 6)")
    group.add_argument("--mix", type=fraction, help="share that another patch is added to (default: 0.1)")
    group.add_argument(
        "--mask", type=fraction, help="SpecAugment: widest silenced share of bands and frames (default: 0)"
    )


def _add_running(group: Any) -> None:
    group.add_argument("--resume", action="store_true", help="go on from the checkpoint, if there is one")
    group.add_argument(
        "--checkpoint_minutes",
        type=positive_number,
        default=5.0,
        help="time between checkpoints; there is one after each round too (default: 5)",
    )
    group.add_argument(
        "--threads",
        type=positive_integer,
        default=1,
        help="of the CPU (default: 1, as another number gives other last bits, and several threads on busy "
        "cores "
        "take many times the processor time; give the number of idle cores to be faster)",
    )
    group.add_argument(
        "--precision",
        choices=("auto", "float32", "bf16"),
        default="auto",
        help="of products; bf16 needs a GPU or a CPU that has it (default: bf16 where there is hardware for "
        "it)",
    )
    group.add_argument(
        "--memory_megabytes",
        metavar="MB",
        type=positive_integer,
        help="memory for patches: a data set that fits is read once and kept, of a larger one so much waits "
        "to be mixed with other shards (default: 2000)",
    )
    group.add_argument("--tensorboard", metavar="FOLDER", help="write curves for TensorBoard, too")


def _train(known: argparse.Namespace, _: list[str]) -> None:
    _require_libraries(known)
    from tonearm.learning.training.run import train
    from tonearm.pipelines.reports.taggers.training import print_trained, training_shown

    call = _call(known)
    with training_shown(call.settings.epochs, known.tensorboard) as listener:
        trained = train(call, listener)
    print_trained(trained)


def _require_libraries(known: argparse.Namespace) -> None:
    """Fail before torch is loaded, and before anything is computed.

    Raises:
        WrongCallError: An extra is not installed.
    """
    os.environ.setdefault(
        "CUBLAS_WORKSPACE_CONFIG", ":4096:8"
    )  # before torch: or cuBLAS is not deterministic
    require_extra("train", "learn", "sklearn")
    if known.tensorboard:
        require_extra("--tensorboard", "tensorboard", "tensorboard")


def _call(known: argparse.Namespace) -> TrainingCall:
    from tonearm.learning.local_places import local_place
    from tonearm.learning.training.call import TrainingCall
    from tonearm.learning.training.machine import machine_for
    from tonearm.transforms.tagging.bundle_root import require_identity

    output = local_place(known.output, "--output")
    name = known.name or output.absolute().name
    require_identity(name, known.version)
    base, tune = _base(known), _tune(known)
    return TrainingCall(
        dataset=known.dataset,
        output=output,
        name=name,
        version=known.version,
        architecture=base.network.architecture if base else known.architecture or "short_chunk",
        tune=tune,
        base=base,
        meanings_of=_meanings(known),
        min_positives=known.min_positives,
        settings=_settings(known, tune),
        machine=machine_for(known.precision, known.threads),
        resume=known.resume,
        checkpoint_s=known.checkpoint_minutes * 60,
    )


def _base(known: argparse.Namespace) -> Base | None:
    from tonearm.learning.training.start import base_of
    from tonearm.transforms.tagging.stored_tagger import tagger_at

    if known.base:
        return base_of(tagger_at(known.base), known.network, known.architecture)
    for option in ("network", "tune"):
        if getattr(known, option):
            raise WrongCallError(
                f"--{option} says what to do with a bundle's network: name the bundle with --from"
            )
    return None


def _tune(known: argparse.Namespace) -> Tune:
    from tonearm.learning.training.start import Tune

    return Tune(known.tune or "head") if known.base else Tune.SCRATCH


def _settings(known: argparse.Namespace, tune: Tune) -> TrainingSettings:
    from tonearm.learning.training.settings import SETTING_NAMES, default_settings

    given = {name: getattr(known, name) for name in SETTING_NAMES if getattr(known, name) is not None}
    return default_settings(tune, **given)


def _meanings(known: argparse.Namespace) -> Callable[[Sequence[str]], tuple[Meaning, ...]]:
    from tonearm.learning.training.inputs.vocabulary import (
        VocabularyError,
        as_listed,
        of_one_facet,
        read_facets,
    )
    from tonearm.transforms.storage.objects import read_object

    if known.facet:
        return lambda labels: of_one_facet(labels, known.facet)
    found = read_object(known.facets)
    if found is None:
        raise WrongCallError(f"{known.facets} is not there")
    try:
        listed = read_facets(found.content)
    except VocabularyError as error:
        raise WrongCallError(f"{known.facets}: {error}") from error
    return lambda labels: as_listed(labels, listed)
