"""A stream on one machine that follows a bundle root: between two shares it changes to another bundle.

Of a bundle that cannot take over the log tells once, and so do the settings of the turn's row in ``runs``.
"""

from __future__ import annotations

import gc
import logging
from collections.abc import Callable
from functools import partial

from tonearm.models.bundles.tagger import Tagger
from tonearm.models.engines.shared import forget_engine
from tonearm.pipelines.following.succession import REFUSED, Succession
from tonearm.pipelines.local.turns import Turn
from tonearm.pipelines.runs.bundles.changed_bundle import require_same_bundle

_logger = logging.getLogger(__name__)


class FollowedRoot:
    """Tells when the next tagger's turn comes.

    Args:
        root: The bundle root.
        tagger: The bundle that the stream began with.
        output: Its tables say which bundle of a name and version they hold rows of.
        begin: Makes the turn of a tagger; the number counts turns from 1.
    """

    def __init__(self, root: str, tagger: Tagger, output: str, begin: Callable[[Tagger, int], Turn]) -> None:
        require_usable = partial(require_same_bundle, output)
        self._succession = Succession(root, tagger.front_end.fingerprint, require_usable)
        self._present = tagger
        self._begin = begin
        self._turns = 1

    def next_turn(self, present: Turn) -> Turn | None:
        """The turn of the bundle that is current now; None if it has its turn already, or cannot have it."""
        successor = self._succession.after(self._present)
        if refusal := self._succession.unheard_refusal():
            present.record.settings[REFUSED] = refusal.reason
            _logger.warning("%s goes on tagging: %s", self._present.identity, refusal.reason)
        if successor is None:
            return None
        self._turns += 1
        turn = self._begin(successor.tagger, self._turns)
        present.close = partial(_free, self._present)
        _logger.warning("%s takes over from %s", successor.tagger.identity, self._present.identity)
        self._present = successor.tagger
        return turn


def _free(tagger: Tagger) -> None:
    """Free the engines of a tagger whose turn is over.

    Pipelines that are done hold them in cycles of references. Python breaks those up when it has made enough
    new objects, and does not see how much memory an engine takes: twenty swaps would pass before it does.
    """
    forget_engine(tagger)
    gc.collect()
