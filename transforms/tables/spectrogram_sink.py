"""The sink of spectrograms: prepared tracks, gathered into files of some megabytes, to a writer of tables."""

from __future__ import annotations

from datetime import UTC, datetime

import apache_beam as beam
from apache_beam.metrics import Metrics

from tonearm.models.front_end import FrontEnd
from tonearm.transforms.elements.stage_times import NAMESPACE, StageTimes
from tonearm.transforms.features.prepared import PreparedTrack
from tonearm.transforms.spectrograms.record import record_of
from tonearm.transforms.tables.contract import TableWriter
from tonearm.transforms.tables.rows import Provenance, spectrogram_row
from tonearm.transforms.tables.schemas import SPECTROGRAMS, Row

FILE_PATCH_BYTES = 32 << 20
"""A file is written when its patches have so many bytes, 45 minutes of the embedded tagger's: what a worker
holds of finished tracks, and what a reader that fetches whole files has to hold."""


class WriteSpectrograms(beam.DoFn):  # type: ignore[misc]
    """Writes prepared tracks into ``spectrograms``; what is at hand when a bundle ends is written then.

    Args:
        writer: Where rows go.
        provenance: The run.
        front_end: What made the patches.
        with_uris: False to leave URIs out.
    """

    def __init__(
        self, writer: TableWriter, provenance: Provenance, front_end: FrontEnd, *, with_uris: bool
    ) -> None:
        self._writer = writer
        self._provenance = provenance
        self._front_end = front_end
        self._with_uris = with_uris
        self._rows: list[Row] = []
        self._bytes = 0

    def start_bundle(self) -> None:
        """Begin with nothing: what a bundle that failed held is worked again."""
        self._rows, self._bytes = [], 0

    def process(self, prepared: PreparedTrack) -> None:
        """Take one track in."""
        record = record_of(prepared, self._front_end, with_uri=self._with_uris)
        self._rows.append(spectrogram_row(record, self._provenance, datetime.now(UTC)))
        self._bytes += record.patches.nbytes
        if self._bytes >= FILE_PATCH_BYTES:
            self._write()

    def finish_bundle(self) -> None:
        """Write what is left."""
        self._write()

    def _write(self) -> None:
        if not self._rows:
            return
        times = StageTimes()
        with times.measure("write"):
            written = self._writer.write(SPECTROGRAMS, self._rows)
        times.report()
        Metrics.counter(NAMESPACE, "bytes_written").inc(written)
        Metrics.counter(NAMESPACE, f"rows_{SPECTROGRAMS}").inc(len(self._rows))
        self._rows, self._bytes = [], 0
