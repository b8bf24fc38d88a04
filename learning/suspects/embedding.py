"""Embeddings of tracks: what a bundle's networks make of a few patches of each."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

from tonearm.models.bundles.tagger import Tagger
from tonearm.models.engines.shared import shared_engine
from tonearm.transforms.audio.decoders.downmix import Samples
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import TrackError
from tonearm.transforms.features.spectrogram import spectrogram_of

_PATCHES = 8
"""Patches of a track that are looked at, evenly spread over it: 24 s of the embedded tagger's."""

Embedding = npt.NDArray[np.float32]


class Embedder:
    """Embeds tracks; safe to call from several threads.

    Attributes:
        rate_hz: What samples are expected at.
    """

    def __init__(self, tagger: Tagger) -> None:
        """Build the engine.

        Args:
            tagger: Its networks' penultimate layers are the embedding.
        """
        self._front_end = tagger.front_end
        self._engine = shared_engine(tagger, "float32")
        self.rate_hz = tagger.front_end.sample_rate_hz

    def embed(self, signal: Iterable[Samples]) -> Embedding | None:
        """Mean over patches, float32 [dim]; None if the track is too short for one.

        Args:
            signal: Mono float32 samples at :attr:`rate_hz`, in pieces, in order; all of it is taken.
        """
        try:
            spectrogram = spectrogram_of(signal, self._front_end, max_patches=_PATCHES)
        except TrackError as error:
            if error.error is not ErrorWord.TOO_SHORT:
                raise
            return None
        _, embeddings = self._engine.infer(spectrogram.patches)
        return embeddings.mean(axis=0, dtype=np.float64).astype(np.float32)
