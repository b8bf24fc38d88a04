"""The contract of an architecture: what bundles and engines ask of a kind of network.

How to add one:

1. Make a folder ``models/NAME`` with the network, a :class:`TaggingNetwork`, which maps patches
   ``[batch, frames, bands]`` to sigmoid scores ``[batch, units]`` and an embedding ``[batch, size]``. Its
   last layer, ``output``, makes the logits of the embedding, with nothing in between: training needs them.
2. Beside it, in ``architecture.py``, derive a class from :class:`Architecture`. It states ``name``,
   ``embedding_size`` and ``tensor_shapes``, checks in ``require_front_end`` what patches the network takes,
   and builds it in ``network``. Import torch inside the methods: bundles are checked before it is loaded.
3. Enter an instance in ``models/architectures.py``. Every engine now runs it, in every precision.
4. A bundle names it: ``"architecture": "NAME"`` beside its safetensors file in ``bundle.json``.
5. If it is to be fast, override ``arrange`` (the same scores by less work), ``engine_inputs`` (what is
   computed once, outside the engine's graph) and ``may_round`` (which layers bear bfloat16). Without
   them networks run one after the other as they are, and wholly in bfloat16 where that is asked for.
   If no layer bears it, set ``bears_bfloat16`` to False.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from tonearm.models.front_end import FrontEnd

if TYPE_CHECKING:
    from torch import Tensor, nn

    from tonearm.models.tagging_network import TaggingNetwork


class Architecture(ABC):
    """A kind of network; without state, one instance serves all networks of all bundles.

    Attributes:
        name: What ``bundle.json`` calls it.
        embedding_size: Length of a network's embedding.
        bears_bfloat16: False if no layer does: the CPU engine then computes in float32 whatever is asked for.
    """

    name: str
    embedding_size: int
    bears_bfloat16: bool = True

    @abstractmethod
    def require_front_end(self, front_end: FrontEnd) -> None:
        """Check that the network can take such patches; that they can be computed is known.

        Raises:
            FrontEndError: If not.
        """

    @abstractmethod
    def tensor_shapes(self, units: int) -> Mapping[str, tuple[int, ...]]:
        """Shapes of the weights, all float32, by the name that the network's state dict has for each.

        Stated without torch, so that a bundle's weights are checked without it. Counters of batch norms
        (``num_batches_tracked``) are no weights and left out.

        Args:
            units: Size of the network's vocabulary.
        """

    @abstractmethod
    def network(self, units: int) -> TaggingNetwork:
        """Build a network whose weights are still to be loaded.

        Args:
            units: Size of its vocabulary.

        Returns:
            Maps patches float32 ``[batch, frames, bands]`` to scores, 0 to 1, ``[batch, units]`` and
            embeddings ``[batch, embedding_size]``.
        """

    def engine_inputs(self, patches: Tensor, *, rounded: bool) -> tuple[Tensor, ...]:
        """Compute what the arranged networks take of patches.

        Args:
            patches: ``[batch, frames, bands]``, float32.
            rounded: As for :meth:`arrange`.

        Returns:
            Tensors that all begin with the axis of the batch; the patches as they are, if not overridden.
        """
        return (patches,)

    def arrange(self, networks: Sequence[nn.Module], front_end: FrontEnd, *, rounded: bool) -> nn.Module:
        """Join a bundle's networks of this architecture into one module for an engine.

        Args:
            networks: With their trained weights, in evaluation mode; they may be changed.
            front_end: Says the size of a patch.
            rounded: True if the engine will multiply in bfloat16 wherever :meth:`may_round` lets it.

        Returns:
            Maps :meth:`engine_inputs` to all scores and all embeddings, each side by side in the order of the
            networks; what the networks themselves give within 1e-5 a patch if nothing is rounded.
        """
        from tonearm.models.side_by_side import SideBySide

        return SideBySide(networks)

    def may_round(self, weights: Tensor | None) -> bool:
        """Say whether an engine may compute a layer of the arranged networks in bfloat16.

        Args:
            weights: What a convolution or a matrix product multiplies by, output channels first; None for any
                other layer.

        Returns:
            True for every layer, if not overridden.
        """
        return True


def norm_shapes(layer: str, channels: int) -> dict[str, tuple[int, ...]]:
    """Shapes of a batch norm's weights, for :meth:`Architecture.tensor_shapes`."""
    names = ("weight", "bias", "running_mean", "running_var")
    return {f"{layer}.{name}": (channels,) for name in names}
