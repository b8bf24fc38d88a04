"""What every network is: patches go in, an embedding comes out of the layers, and one last layer tags it."""

from __future__ import annotations

from abc import ABC, abstractmethod

from torch import Tensor, nn


class TaggingNetwork(nn.Module, ABC):
    """A CNN whose last layer maps an embedding to one unit a word of its vocabulary.

    A derived class defines :meth:`embedding_of` and has the layer ``output``. So training, which needs logits
    for a loss that stays exact, and inference, which needs scores, compute the same.

    Attributes:
        output: The last layer, from embeddings to the units' logits.
    """

    output: nn.Linear

    @abstractmethod
    def embedding_of(self, patches: Tensor) -> Tensor:
        """Map patches, float32 ``[batch, frames, bands]``, to the penultimate layer ``[batch, size]``."""

    def forward(self, patches: Tensor) -> tuple[Tensor, Tensor]:
        """Score patches.

        Args:
            patches: Log-mel spectrogram, float32, ``[batch, frames, bands]``.

        Returns:
            The sigmoid scores, 0 to 1, ``[batch, units]``, and the embedding ``[batch, size]``.
        """
        embedding = self.embedding_of(patches)
        return self.output(embedding).sigmoid(), embedding
