"""Checks of audio: that it can be read, and is long enough. Tracks with consent alone are opened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tonearm.learning.checks.finding import CheckWord, Finding, about
from tonearm.learning.checks.hearing import HeardTrack
from tonearm.learning.labelled.consent import Consent
from tonearm.transforms.elements.failure import TrackError


def contradicted_consent(consent: Consent) -> Iterator[Finding]:
    """Tracks whose file another row names without consent, under whatever name."""
    for track in consent.contradicted:
        message = "another row names the same file without consent: it is not opened"
        yield about(CheckWord.CONSENT_CONTRADICTED, message, track)


def unusable_audio(heard: Iterable[HeardTrack], min_seconds: float) -> Iterator[Finding]:
    """Tracks that cannot be read, and such as are too short.

    Args:
        heard: All tracks that were opened.
        min_seconds: Audio that is shorter is too short.
    """
    for each in heard:
        track, sound = each.track, each.sound
        if isinstance(sound, TrackError):
            yield about(CheckWord.UNREADABLE_AUDIO, f"{track.uri}: {sound.error}: {sound.message}", track)
        elif sound.seconds < min_seconds:
            message = f"{track.uri} is {sound.seconds:.2f} s long, shorter than {min_seconds:g} s"
            yield about(CheckWord.SHORT_AUDIO, message, track)
