"""All taggers of a process: the one at work, a canary that tags a share in its place, and a shadow."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tonearm.transforms.elements.further_taggers import Canary
from tonearm.transforms.elements.settings import AnalysisSettings
from tonearm.transforms.features.prepared import PreparedTrack
from tonearm.transforms.tagging.at_work import LoadedTagger, LoadTagger, TaggerAtWork, load_further
from tonearm.transforms.tagging.shadow import ShadowAtWork


@dataclass(frozen=True)
class CanaryAtWork:
    """A canary and the engine that runs it.

    Attributes:
        canary: Tells which tracks are its.
        loaded: The tagger.
    """

    canary: Canary
    loaded: LoadedTagger


@dataclass(frozen=True)
class TaggersAtWork:
    """What tags the tracks of a process; Beam holds it by a weak reference, and all threads ask it.

    Attributes:
        tagger: The run's tagger, or one after the other.
        canary: Tags a share of the tracks in its place; None for nothing.
        shadow: Tags all of them once more; None for nothing.
    """

    tagger: TaggerAtWork
    canary: CanaryAtWork | None = None
    shadow: ShadowAtWork | None = None

    @classmethod
    def loaded(cls, settings: AnalysisSettings, load: LoadTagger) -> TaggersAtWork:
        """Bring the taggers that settings name to work.

        Args:
            settings: How tracks are analysed.
            load: Brings the run's tagger to work.

        Raises:
            BundleError: The tagger or the canary cannot be loaded.
        """
        canary = settings.canary
        return cls(
            load(settings),
            CanaryAtWork(canary, load_further(canary, settings.precision)) if canary else None,
            ShadowAtWork(settings) if settings.shadow else None,
        )

    def shared_out(
        self, batch: Sequence[PreparedTrack]
    ) -> Iterator[tuple[LoadedTagger, list[PreparedTrack]]]:
        """The tracks of a batch by the tagger that is to tag them."""
        present = self.tagger.present()
        if self.canary is None:
            yield present, list(batch)
            return
        takes = self.canary.canary.takes
        yield present, [each for each in batch if not takes(each.track.track_id)]
        yield self.canary.loaded, [each for each in batch if takes(each.track.track_id)]
