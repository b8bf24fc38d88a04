"""One call of the ingest job, and the record that it begins."""

from __future__ import annotations

import uuid
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime

from tonearm.models.bundles.tagger import Tagger
from tonearm.pipelines.runs.beam_options import BeamOptions
from tonearm.pipelines.runs.defaults import STREAMING_INSERTS
from tonearm.pipelines.runs.gpu_request import GpuRequest
from tonearm.pipelines.runs.record import RunRecord
from tonearm.pipelines.runs.retry import RetryInput
from tonearm.pipelines.runs.stream_input import StreamInput
from tonearm.transforms.elements.input_kind import InputKind
from tonearm.transforms.elements.settings import AnalysisSettings
from tonearm.transforms.storage.payer import Payer
from tonearm.transforms.tables.rows import Provenance

Input = str | StreamInput | RetryInput
"""What a run tags: a folder, file, glob or manifest; what a stream listens to; or what failed before."""


@dataclass(frozen=True, slots=True)
class SpectrogramWish:
    """What a run that makes spectrograms writes.

    Attributes:
        with_uris: False to write no URI into any row.
        hop_gap: Patches left out behind each one that is written.
    """

    with_uris: bool = True
    hop_gap: int = 0


@dataclass(frozen=True, slots=True)
class IngestOrder:
    """One call of the ingest job.

    Attributes:
        input: What to tag.
        outputs: Where tables are written; the last one tells what is done. See ``outputs.in_order``.
        settings: How tracks are analysed.
        input_kind: What tracks come as; a retry knows it of each failure.
        retag: True to work tracks again that the tables hold already.
        wave_tracks: Tracks in flight at most on a local run; None for the usual number.
        payer: Who pays for requests to buckets whose readers pay.
        bigquery_write_method: How a stream on a cluster writes to BigQuery.
        spectrograms: What spectrograms are wanted in place of tags; None for tags.
        root: The bundle root that the tagger is current in, which a stream follows; empty if the tagger was
            named by itself.
        retag_on_promotion: True for a stream to work again what another tagger of the root has tagged.
        beam: Options for Beam.
        gpu: GPUs that Dataflow is asked for; None for none.
        waits: False to hand a job over to Dataflow and not to wait for its end.
    """

    input: Input
    outputs: tuple[str, ...]
    settings: AnalysisSettings
    input_kind: InputKind = InputKind.AUDIO
    retag: bool = False
    wave_tracks: int | None = None
    bigquery_write_method: str = STREAMING_INSERTS
    spectrograms: SpectrogramWish | None = None
    root: str = ""
    retag_on_promotion: bool = False
    payer: Payer = Payer()  # noqa: RUF009 - frozen
    beam: BeamOptions = field(default_factory=BeamOptions)
    gpu: GpuRequest | None = None
    waits: bool = True

    @property
    def ledger_output(self) -> str:
        """The output whose tables tell what is done."""
        return self.outputs[-1]

    @property
    def is_stream(self) -> bool:
        """True if it ends only when it is told to."""
        return isinstance(self.input, StreamInput)

    @property
    def follows_root(self) -> bool:
        """True of a stream that changes to the tagger that becomes current in its root."""
        return self.is_stream and bool(self.root)

    def tagged_by(self, location: str, root: str) -> IngestOrder:
        """The same with another tagger."""
        return replace(self, settings=replace(self.settings, tagger=location), root=root)

    def of_root(self) -> IngestOrder:
        """The same with whatever tagger is current in its root by then."""
        return self.tagged_by(self.root, "")


def new_run_id() -> str:
    """A run's id; ids of runs that begin later come later in order."""
    return f"{datetime.now(UTC):%Y%m%dT%H%M%S}-{uuid.uuid4().hex[:8]}"


def new_record(order: IngestOrder, tagger: Tagger, *, mode: str, run_id: str = "") -> RunRecord:
    """Begin the record of a run.

    Args:
        order: What the run is to do.
        tagger: What tags.
        mode: ``batch`` or ``streaming``.
        run_id: The id; empty for a new one.
    """
    moment = datetime.now(UTC)
    run_id = run_id or new_run_id()
    settings = _told(order.settings) | {"input_kind": str(order.input_kind)}
    if order.spectrograms:
        settings |= {f"spectrograms_{name}": str(value) for name, value in asdict(order.spectrograms).items()}
    done = "made" if order.spectrograms else "tagged"
    canary = order.settings.canary
    provenance = Provenance(run_id, tagger.identity, tagger.front_end.fingerprint, canary)
    return RunRecord(provenance, mode, settings, tagger.bundle_hash, done, started=moment)


def _told(settings: AnalysisSettings) -> dict[str, str]:
    """Settings as text; of further taggers, which are there for some runs only, each by its own name."""
    told = {name: str(value) for name, value in asdict(replace(settings, shadow=None, canary=None)).items()}
    del told["shadow"], told["canary"]
    for name, further in (("shadow", settings.shadow), ("canary", settings.canary)):
        if further:
            told |= {name: further.tagger, f"{name}_bundle_sha256": further.bundle_sha256}
    if settings.canary:
        told["canary_share"] = str(settings.canary.share)
    return told
