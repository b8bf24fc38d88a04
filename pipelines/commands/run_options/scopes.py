"""Which runs an option is for: in others it is refused, as it would have no effect."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tonearm.errors import WrongCallError
from tonearm.pipelines.runs.gpu_request import GpuPlacement
from tonearm.transforms.elements.input_kind import InputKind

if TYPE_CHECKING:
    from tonearm.pipelines.runs.order import IngestOrder


@dataclass(frozen=True, slots=True)
class Scope:
    """The runs that an option has an effect on.

    Attributes:
        runs: Which they are, in words that complete "this option is for …".
        holds: True of such a run.
    """

    runs: str
    holds: Callable[[IngestOrder], bool]


def require_effect(given: Collection[str], order: IngestOrder) -> None:
    """Refuse options that would have no effect on a run.

    Args:
        given: The options of the call, as they are spelt.
        order: The run that it asks for.

    Raises:
        WrongCallError: With the option, and what it is for.
    """
    for option, scope in _SCOPES.items():
        if option in given and not scope.holds(order):
            raise WrongCallError(f"{option} is for {scope.runs}")


def _is_stream(order: IngestOrder) -> bool:
    from tonearm.pipelines.runs.stream_input import StreamInput

    return isinstance(order.input, StreamInput)


def _is_of_audio(order: IngestOrder) -> bool:
    return order.input_kind is InputKind.AUDIO


_LOCAL = Scope(
    "runs on one machine: a cluster decides by itself how many tracks it works at a time",
    lambda order: order.beam.is_local,
)
_SUBSCRIPTION = Scope("--subscription", lambda order: bool(getattr(order.input, "subscription", "")))

_DATAFLOW = Scope("--runner DataflowRunner", lambda order: order.beam.is_dataflow)
_GPU = Scope("--gpu", lambda order: order.gpu is not None)

_SCOPES = {
    "--gpu": _DATAFLOW,
    "--gpu_driver": _GPU,
    "--gpu_placement": _GPU,
    "--gpu_machine_type": Scope(
        "--gpu_placement right-fitted: where workers decode and score, --machine_type is their machine",
        lambda order: order.gpu is not None and order.gpu.placement is GpuPlacement.RIGHT_FITTED,
    ),
    "--no_wait": _DATAFLOW,
    "--max_failed_fraction": Scope("runs that are waited for, not --no_wait", lambda order: order.waits),
    "--catch_up": _SUBSCRIPTION,
    "--prefix": _SUBSCRIPTION,
    "--suffix": Scope("--subscription and --watch; as INPUT use a glob: 'music/**/*.flac'", _is_stream),
    "--poll_seconds": Scope("--watch", lambda order: bool(getattr(order.input, "watch", ""))),
    "--max_wave_seconds": Scope(
        "--subscription and --watch on one machine: a cluster writes by its own clock",
        lambda order: _is_stream(order) and order.beam.is_local,
    ),
    "--max_track_bytes": Scope("audio: of a spectrogram no more is read than 128 MiB", _is_of_audio),
    "--decoder": Scope("audio: a spectrogram is not decoded", _is_of_audio),
    "--wave_tracks": _LOCAL,
    "--direct_num_workers": _LOCAL,
    "--retag": Scope(
        "folders, globs, manifests and streams on one machine: a stream on a cluster tags all that is "
        "announced",
        lambda order: order.beam.is_local or not _is_stream(order),
    ),
    "--retag_on_promotion": Scope(
        "--watch on one machine: of a subscription nothing is announced again, and beside a stream on a "
        "cluster `tonearm ingest PREFIX --tagger ROOT` tags anew what is there",
        lambda order: bool(getattr(order.input, "watch", "")) and order.beam.is_local,
    ),
    "--bigquery_write_method": Scope(
        "--subscription on a cluster with one --output, a bigquery:// dataset; backfills and runs on one "
        "machine go by load jobs",
        lambda order: _is_stream(order) and not order.beam.is_local and len(order.outputs) == 1,
    ),
}
"""What each option that is not for every run is for."""
