"""What every network is: patches go in, an embedding comes out of the layers, and one last layer tags it."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class TaggingNetwork(nn.Module, ABC):
    """A CNN whose last layer maps an embedding to one unit a word of its vocabulary.

    A derived class defines :meth:`embedding_of` and nothing else, so that training, which needs logits, and
    inference, which needs scores, compute the same.

    Attributes:
        output: The last layer, from embeddings to logits; what is trained if only the head is tuned.
    """

    output: nn.Linear

    @abstractmethod
    def embedding_of(self, patches: Tensor) -> Tensor:
        """Map patches, float32 ``[batch, frames, bands]``, to the penultimate layer ``[batch, size]``."""

    def logits_and_embedding(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        """Score patches before the sigmoid, for a loss that stays exact where the sigmoid is 0 or 1.

        Args:
            patches: Log-mel spectrogram, float32, ``[batch, frames, bands]``.

        Returns:
            The logits ``[batch, units]`` and the embedding ``[batch, size]``.
        """
        embedding = self.embedding_of(patches)
        return self.output(embedding), embedding

    def forward(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        """Score patches.

        Args:
            patches: Log-mel spectrogram, float32, ``[batch, frames, bands]``.

        Returns:
            The sigmoid scores, 0 to 1, ``[batch, units]``, and the embedding ``[batch, size]``.
        """
        logits, embedding = self.logits_and_embedding(patches)
        return logits.sigmoid(), embedding
