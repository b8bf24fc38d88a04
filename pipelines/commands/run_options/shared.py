"""What ``tonearm ingest``, ``retry`` and ``spectrograms`` share: their options, and the call of the run."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from tonearm.errors import TonearmError
from tonearm.pipelines.commands.bad_end import bad_end, what_stays
from tonearm.pipelines.commands.option_types import even_number, fraction, positive_integer, positive_number
from tonearm.pipelines.runs.defaults import STREAMING_INSERTS, WAVE_TRACKS
from tonearm.transforms.elements.decoder_choice import DecoderChoice, require_installed
from tonearm.transforms.elements.input_kind import InputKind
from tonearm.transforms.elements.settings import MAX_PATCHES, MAX_TRACK_BYTES, SEGMENT_SECONDS

if TYPE_CHECKING:
    from tonearm.pipelines.runs.gpu_request import GpuRequest
    from tonearm.pipelines.runs.order import IngestOrder, Input, SpectrogramWish
    from tonearm.transforms.elements.further_taggers import Canary, Shadow

EXIT_CODES = """\
exit codes: 0 the run is whole, even if tracks failed; 1 it broke, or more failed than
--max_failed_fraction allows; 2 the call was wrong; 130 or 143 Ctrl-C or SIGTERM came before its end;
a stream ends so, with 0.
"""


class TooManyFailedError(TonearmError):
    """More of the tried tracks failed than the call allows; what was tagged is in the tables."""


def add_failure_limit(group: argparse._ArgumentGroup) -> None:
    """Add the option that says when a whole run counts as broken."""
    group.add_argument(
        "--max_failed_fraction",
        metavar="FRACTION",
        type=fraction,
        default=1.0,
        help="exit with 1 if a larger share of the tried tracks failed (default: 1, never)",
    )


def add_analysis_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of what is read and how it is scored."""
    group = parser.add_argument_group("analysis")
    add_reading_options(group)
    group.add_argument(
        "--segment_seconds",
        metavar="SECONDS",
        type=positive_number,
        default=SEGMENT_SECONDS,
        help=f"length of a row in segments (default: {SEGMENT_SECONDS:g})",
    )


def add_reading_options(group: argparse._ArgumentGroup) -> None:
    """Add the options of what is read."""
    group.add_argument(
        "--tagger",
        metavar="BUNDLE",
        default="musicnn",
        help="name of an embedded tagger, folder or URL of one of yours, or of a bundle root, for the one "
        "that is current in it (default: musicnn)",
    )
    group.add_argument(
        "--max_track_bytes",
        metavar="BYTES",
        type=positive_integer,
        default=MAX_TRACK_BYTES,
        help="larger objects fail as too_large and are not read "
        f"(default: {MAX_TRACK_BYTES}, {MAX_TRACK_BYTES >> 30} GiB)",
    )
    group.add_argument(
        "--decoder",
        choices=[choice.value for choice in DecoderChoice],
        default=DecoderChoice.FFMPEG_AND_LIBSNDFILE.value,
        help="which libraries decode (default: ffmpeg-and-libsndfile); tensorflow-io, where it is installed, "
        "takes WAV, FLAC, Vorbis and MP3 and leaves the rest to the others; tensorflow-io-only makes the "
        "rest failures",
    )
    group.add_argument(
        "--billing_project",
        metavar="PROJECT",
        default="",
        help="Google project that pays for requests to gs:// buckets whose readers pay",
    )
    group.add_argument(
        "--s3_requester_pays",
        action="store_true",
        help="pay for requests to s3:// buckets whose readers pay",
    )


def add_speed_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that trade speed for something."""
    group = _speed_group(parser)
    group.add_argument(
        "--precision",
        choices=("float32", "bf16"),
        default="float32",
        help="bf16 is faster where the CPU has it, track scores within 0.002 (default: float32)",
    )
    _add_max_patches(group, "that the networks see", "fewer are faster and move scores")
    _add_wave_tracks(group)


def add_making_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of how much is made of a track and how many are worked at a time."""
    group = _speed_group(parser)
    _add_max_patches(group, "that are kept", "fewer take less room and move scores")
    _add_wave_tracks(group)


def _speed_group(parser: argparse.ArgumentParser) -> argparse._ArgumentGroup:
    return parser.add_argument_group(
        "speed",
        "--direct_num_workers N, an option of Beam, says how many workers there are (default: one per core)",
    )


def _add_max_patches(group: argparse._ArgumentGroup, which: str, effect: str) -> None:
    group.add_argument(
        "--max_patches",
        metavar="PATCHES",
        type=even_number,
        default=MAX_PATCHES,
        help=f"patches of a track, of 3 s each, {which}, an even number, spread evenly over it "
        f"where it has more; {effect} "
        f"(default: {MAX_PATCHES}, which leaves out nothing of the first 51 minutes)",
    )


def _add_wave_tracks(group: argparse._ArgumentGroup) -> None:
    group.add_argument(
        "--wave_tracks",
        metavar="TRACKS",
        type=positive_integer,
        help="tracks in flight at most, and so workers at most; a kill costs no more than these. Without it "
        f"one for each worker, where they are more (default: {WAVE_TRACKS})",
    )


def order_of(
    known: argparse.Namespace,
    source: Input,
    outputs: Sequence[str],
    beam_options: Sequence[str],
    *,
    input_kind: InputKind = InputKind.AUDIO,
    retag: bool = False,
    bigquery_write_method: str = STREAMING_INSERTS,
    spectrograms: SpectrogramWish | None = None,
    gpu: GpuRequest | None = None,
    waits: bool = True,
    retag_on_promotion: bool = False,
    shadow: Shadow | None = None,
    canary: Canary | None = None,
) -> IngestOrder:
    """The run that a command line asks for.

    Raises:
        OutputError: The outputs cannot be as given.
        WrongCallError: Beam's options cannot be as given, or the decoder is not installed.
    """
    from tonearm.pipelines.runs.beam_options import read_beam_options
    from tonearm.pipelines.runs.gpu_flags import gpu_flags
    from tonearm.pipelines.runs.order import IngestOrder
    from tonearm.transforms.elements.settings import AnalysisSettings
    from tonearm.transforms.storage.payer import Payer
    from tonearm.transforms.tables.outputs import in_order

    decoder = DecoderChoice(known.decoder)
    require_installed(decoder)
    in_sequence = in_order(outputs)
    beam = read_beam_options(beam_options)
    if gpu and beam.is_dataflow:
        beam = replace(beam, flags=(*beam.flags, *gpu_flags(gpu, beam.flags)))
    settings = AnalysisSettings(
        tagger=known.tagger,
        precision=known.precision,
        segment_seconds=known.segment_seconds,
        max_patches=known.max_patches,
        max_track_bytes=known.max_track_bytes,
        decoder=decoder,
        shadow=shadow,
        canary=canary,
    )
    return IngestOrder(
        input=source,
        outputs=in_sequence,
        settings=settings,
        input_kind=input_kind,
        retag=retag,
        wave_tracks=known.wave_tracks,
        bigquery_write_method=bigquery_write_method,
        spectrograms=spectrograms,
        retag_on_promotion=retag_on_promotion,
        payer=Payer(known.billing_project, s3=known.s3_requester_pays),
        beam=beam,
        gpu=gpu,
        waits=waits,
    )


def run_order(order: IngestOrder, max_failed_fraction: float) -> None:
    """Run it, and tell how it ended if it did not end well.

    Raises:
        RunBrokenError: The run broke off.
        TooManyFailedError: The run is whole, and too much of it failed.
        TonearmError: As :func:`ingest`.
    """
    from tonearm.pipelines.ingest import ingest

    try:
        record = ingest(order)
    except Exception as error:
        raise bad_end(error, what_stays(order)) from error
    if record.failed_fraction > max_failed_fraction:
        raise TooManyFailedError(
            f"{record.failed_fraction:.1%} of the tried tracks failed, more than "
            f"--max_failed_fraction={max_failed_fraction}"
        )
