"""The run record: counts that must add up, and the run's row in ``runs``."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version

from tonearm.errors import TonearmError
from tonearm.transforms.sources.pending import SkipReason
from tonearm.transforms.tables.rows import Provenance
from tonearm.transforms.tables.schemas import PARTITION, SHADOW_TAGS, SPECTROGRAMS, Row
from tonearm.transforms.tagging.counting import FAILED_AS, SHADOWS_FAILED

_VERSIONED = (
    "tonearm",
    "apache-beam",
    "torch",
    "torchaudio",
    "openvino",
    "av",
    "soundfile",
    "soxr",
    "pyarrow",
    "tensorflow-io",
)
"""The last one is in an environment of its own only."""


class CountsError(TonearmError):
    """The counts do not add up: a track was lost or counted twice, which is a fault in this program."""


@dataclass
class RunRecord:
    """What a run has done so far.

    Attributes:
        provenance: Run id, tagger and front end.
        mode: ``batch`` or ``streaming``.
        settings: The run's settings, as text.
        bundle_sha256: Of the tagger's ``bundle.json``: which bundle it was, whatever its version says.
        done: What becomes of a track that does not fail, for people.
        tagged: Tracks tagged, or whose spectrogram was made.
        failed: Tracks that failed.
        failed_as: The same, by the word of the failure.
        shadowed: Tracks that a shadow tagged, too.
        shadows_failed: Tracks that it could not tag, which are whole all the same.
        skipped: Tracks left out, by reason.
    """

    provenance: Provenance
    mode: str
    settings: dict[str, str]
    bundle_sha256: str
    done: str = "tagged"
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    ended: datetime | None = None
    tagged: int = 0
    failed: int = 0
    failed_as: Counter[str] = field(default_factory=Counter)
    shadowed: int = 0
    shadows_failed: int = 0
    skipped: Counter[SkipReason] = field(default_factory=Counter)
    _counting: threading.Lock = field(default_factory=threading.Lock, init=False, repr=False, compare=False)

    @property
    def n_skipped(self) -> int:
        """Tracks left out, for whatever reason."""
        return self.skipped.total()

    @property
    def seen(self) -> int:
        """Tracks that the source announced and that have an outcome."""
        return self.tagged + self.n_skipped + self.failed

    @property
    def failed_fraction(self) -> float:
        """Share of failures among tracks that were tried."""
        tried = self.tagged + self.failed
        return self.failed / tried if tried else 0.0

    def skip(self, reason: SkipReason) -> None:
        """Count a track that is left out; a worker may do so while another one adds what it has done."""
        with self._counting:
            self.skipped[reason] += 1

    def add(self, counts: Counter[str]) -> None:
        """Add the counters of a pipeline that ended well.

        Raises:
            CountsError: Rows written are not the outcomes counted.
        """
        made = counts["rows_track_tags"] + counts[f"rows_{SPECTROGRAMS}"]
        written = made + counts["rows_failures"] + counts["failed_again"]
        if written != counts["tagged"] + counts["failed"]:
            raise CountsError(f"the rows written are not the outcomes counted: {dict(counts)}")
        with self._counting:
            self.tagged += counts["tagged"]
            self.failed += counts["failed"]
            self.shadowed += counts[f"rows_{SHADOW_TAGS}"]
            self.shadows_failed += counts[SHADOWS_FAILED]
            for name, count in counts.items():
                if name.startswith(FAILED_AS):
                    self.failed_as[name.removeprefix(FAILED_AS)] += count
            self.skipped[SkipReason.NOT_AUDIO] += counts["passed_over"]
            for reason in SkipReason:
                self.skipped[reason] += counts[f"skipped_{reason.name}"]

    def row(self) -> Row:
        """The row of ``runs`` as of now."""
        return {
            "run_id": self.provenance.run_id,
            "mode": self.mode,
            "tagger": self.provenance.tagger,
            "frontend": self.provenance.fingerprint,
            "versions": list(_versions()),
            "settings": sorted(self.settings.items()),
            "started": self.started,
            "ended": self.ended,
            "n_seen": self.seen,
            "n_tagged": self.tagged,
            "n_skipped": self.n_skipped,
            "n_failed": self.failed,
            PARTITION: self.started.date(),
            "bundle_sha256": self.bundle_sha256,
        }


def _versions() -> Iterator[tuple[str, str]]:
    """Names and versions of the packages that matter to what comes out, those that are installed."""
    for name in _VERSIONED:
        with suppress(PackageNotFoundError):
            yield name, version(name)
