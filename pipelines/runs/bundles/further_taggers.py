"""Looks at the bundle of a shadow or a canary before a run; refuses what cannot work beside the tagger."""

from __future__ import annotations

from dataclasses import replace
from typing import TypeVar

from tonearm.errors import WrongCallError
from tonearm.models.bundles.tagger import Tagger
from tonearm.transforms.elements.further_taggers import FurtherTagger
from tonearm.transforms.elements.settings import AnalysisSettings
from tonearm.transforms.tagging.stored_tagger import named_tagger, stored_tagger

_Further = TypeVar("_Further", bound=FurtherTagger)


def with_further_taggers(settings: AnalysisSettings, tagger: Tagger) -> AnalysisSettings:
    """Settings whose further taggers were looked at; of a bundle root they are what is current in it now.

    Args:
        settings: The locations of the further taggers, as they were given.
        tagger: The run's tagger.

    Raises:
        BundleError: One of them is missing, damaged or inconsistent.
        WrongCallError: One has another front end than the tagger, or is the tagger.
    """
    return replace(
        settings,
        shadow=_looked_at("--shadow", settings.shadow, tagger) if settings.shadow else None,
        canary=_looked_at("--canary", settings.canary, tagger) if settings.canary else None,
    )


def _looked_at(option: str, further: _Further, tagger: Tagger) -> _Further:
    location = named_tagger(further.location).location
    found = stored_tagger(location)
    if found.identity == tagger.identity:
        raise WrongCallError(
            f"{option} {further.location} is {found.identity}, as the tagger is: name another bundle, or "
            "give this one another version"
        )
    if found.front_end.fingerprint != tagger.front_end.fingerprint:
        raise WrongCallError(
            f"{option} {further.location} has another front end than {tagger.identity}, "
            f"{found.front_end.fingerprint} in place of {tagger.front_end.fingerprint}: tracks are decoded "
            "once for both. Tag them by a run of its own"
        )
    return replace(further, location=location, tagger=found.identity, bundle_sha256=found.bundle_hash)
