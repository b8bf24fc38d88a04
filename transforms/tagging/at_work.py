"""The tagger at work in a process, with the engine that runs it: one for good, or one after the other."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from tonearm.models.bundles.files import BundleError
from tonearm.models.bundles.tagger import Tagger
from tonearm.models.engines.contract import Engine
from tonearm.models.engines.shared import shared_engine
from tonearm.transforms.elements.further_taggers import FurtherTagger
from tonearm.transforms.elements.settings import AnalysisSettings
from tonearm.transforms.tagging.stored_tagger import stored_tagger


class TaggerAtWork(Protocol):
    """What tags the tracks of a process; Beam holds it by a weak reference, and all threads ask it."""

    def present(self) -> LoadedTagger:
        """The tagger for the next batch of tracks, which stays the same for all of them."""


@dataclass(frozen=True)
class LoadedTagger:
    """A tagger and the engine that runs it; as it is, it is at work for good."""

    tagger: Tagger
    engine: Engine

    def present(self) -> LoadedTagger:
        """See :class:`TaggerAtWork`."""
        return self


LoadTagger = Callable[[AnalysisSettings], TaggerAtWork]
"""Brings a tagger to work in a process; pickled to where the graph runs."""


def load_named(settings: AnalysisSettings) -> LoadedTagger:
    """The tagger that the settings name."""
    tagger = stored_tagger(settings.tagger)
    return LoadedTagger(tagger, shared_engine(tagger, settings.precision))


@dataclass(frozen=True, slots=True)
class LoadPinned:
    """The tagger that the settings name, if it is the very bundle that the job began with.

    So all workers of a cluster have the same one, even if one of them reads another disk, or its files were
    changed meanwhile.

    Attributes:
        bundle_sha256: Of the bundle's ``bundle.json``.
    """

    bundle_sha256: str

    def __call__(self, settings: AnalysisSettings) -> LoadedTagger:
        """Load the tagger.

        Raises:
            BundleError: It is missing, damaged or another one.
        """
        self.require(settings.tagger)
        return load_named(settings)

    def require(self, location: str) -> Tagger:
        """The bundle at a location, without its engine; see :meth:`__call__`."""
        tagger = stored_tagger(location)
        if tagger.bundle_hash != self.bundle_sha256:
            raise BundleError(
                f"{location} holds another bundle here than the one that the job began with: its bundle.json "
                f"has the SHA-256 {tagger.bundle_hash[:12]}…, not {self.bundle_sha256[:12]}…. Put the same "
                "bundle where all workers read it"
            )
        return tagger


def load_further(further: FurtherTagger, precision: str) -> LoadedTagger:
    """A shadow or a canary, if it is the very bundle that was looked at before the run.

    Raises:
        BundleError: It is missing, damaged or another one.
    """
    tagger = LoadPinned(further.bundle_sha256).require(further.location)
    return LoadedTagger(tagger, shared_engine(tagger, precision))
