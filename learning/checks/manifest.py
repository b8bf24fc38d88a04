"""All checks of a labelled manifest, one after the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tonearm.learning.checks.audio import contradicted_consent, unusable_audio
from tonearm.learning.checks.finding import CheckWord, Finding, about
from tonearm.learning.checks.hearing import Progress, heard
from tonearm.learning.checks.labels import near_duplicates, too_few
from tonearm.learning.checks.rows import blanks, groups_in_two_splits, licences, without_consent
from tonearm.learning.checks.same_audio import same_audio
from tonearm.learning.checks.suspects import suspect_labels
from tonearm.learning.labelled.consent import consent_of
from tonearm.learning.labelled.reading import read_for_labels
from tonearm.learning.labelled.track import BadRow, LabelledTrack
from tonearm.learning.licences import Purpose
from tonearm.learning.suspects.embedding import Embedder
from tonearm.models.bundles.tagger import Tagger


@dataclass(frozen=True, slots=True)
class CheckSettings:
    """What is asked of a manifest.

    Attributes:
        purpose: What the licences are to allow; None if licences are not looked at.
        min_positives: Tracks with consent that a label should hold for.
        min_groups: Groups that these should be of.
        min_seconds: Shorter audio is too short.
        listen: True if the audio of tracks with consent is opened.
        suspects_by: The bundle by whose embeddings suspect labels are looked for; None if they are not.
        suspect_fraction: Which part of the labels is named as suspect; None for the confidently doubted.
    """

    purpose: Purpose | None = None
    min_positives: int = 10
    min_groups: int = 3
    min_seconds: float = 3.0
    listen: bool = True
    suspects_by: Tagger | None = None
    suspect_fraction: float | None = None


@dataclass(frozen=True, slots=True)
class CheckReport:
    """What was found in a manifest.

    Attributes:
        rows: All its rows.
        with_consent: Rows that may be trained on.
        findings: In the order of the checks and of the rows.
    """

    rows: int
    with_consent: int
    findings: Sequence[Finding]

    @property
    def counts(self) -> dict[CheckWord, int]:
        """Findings by kind."""
        return dict(Counter(finding.check for finding in self.findings))


def check_manifest(location: str, settings: CheckSettings, progress: Progress) -> CheckReport:
    """Check a labelled manifest. No audio is opened of a track without consent.

    Args:
        location: Its path or URL.
        settings: What is asked of it.
        progress: Told of each track that was heard.

    Raises:
        ManifestError: It is no labelled manifest.
        MachineError: No decoder can be started.
    """
    rows = list(read_for_labels(location))
    tracks = [row for row in rows if isinstance(row, LabelledTrack)]
    with_consent = sum(track.training_opt_in is True for track in tracks)
    return CheckReport(len(rows), with_consent, list(_findings(rows, tracks, settings, progress)))


def _findings(
    rows: Sequence[LabelledTrack | BadRow],
    tracks: Sequence[LabelledTrack],
    settings: CheckSettings,
    progress: Progress,
) -> Iterator[Finding]:
    for row in rows:
        if isinstance(row, BadRow) and not row.is_unlabelled:
            yield about(CheckWord.BAD_ROW, row.problem, row)
    yield from blanks(rows)
    yield from without_consent(tracks)
    if settings.purpose is not None:
        yield from licences(tracks, settings.purpose)
    yield from near_duplicates(tracks)
    consented = [track for track in tracks if track.training_opt_in]
    yield from too_few(consented, settings.min_positives, settings.min_groups)
    yield from groups_in_two_splits(tracks)
    if settings.listen:
        consent = consent_of(rows)
        yield from contradicted_consent(consent)
        embedder = Embedder(settings.suspects_by) if settings.suspects_by else None
        sounds = list(heard(consent.given, embedder, progress))
        yield from unusable_audio(sounds, settings.min_seconds)
        yield from same_audio(sounds)
        if embedder:
            yield from suspect_labels(sounds, settings.suspect_fraction)
