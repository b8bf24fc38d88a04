"""A stream that follows a bundle root: between two shares it changes to the bundle that has become current.

A bundle that cannot take over leaves the one before at work: it is damaged or gone, or it has another front
end, for which the stream has to be started anew. The log tells so once, and so do the settings of the turn's
row in ``runs``, under ``refused_tagger``.
"""

from __future__ import annotations

import gc
import logging
import time
from collections.abc import Callable
from functools import partial

from tonearm.errors import TonearmError
from tonearm.learning.promotion.root import require_whole
from tonearm.models.bundles.files import BundleError
from tonearm.models.bundles.tagger import Tagger
from tonearm.models.engines.shared import forget_engine
from tonearm.pipelines.local.turns import Turn
from tonearm.pipelines.runs.changed_bundle import require_same_bundle
from tonearm.transforms.tagging.bundle_root import Move, read_pointer

REFUSED = "refused_tagger"
"""Key in the settings of a row of ``runs``: why the last bundle that was to take over in it could not."""

TRY_AGAIN_SECONDS = 60.0
"""A bundle that could not take over is looked at again after so long, as somebody may have mended its files.
To read all of it before each share would cost a stream more than its tracks."""

_logger = logging.getLogger(__name__)


class _RefusedError(TonearmError):
    """A bundle cannot take over; the message says why."""


class FollowedRoot:
    """Tells when the next tagger's turn comes.

    Args:
        root: The bundle root.
        tagger: The bundle that the stream began with.
        output: Its tables say which bundle of a name and version they hold rows of.
        begin: Makes the turn of a tagger; the number counts turns from 1.
    """

    def __init__(self, root: str, tagger: Tagger, output: str, begin: Callable[[Tagger, int], Turn]) -> None:
        self._root = root
        self._present = tagger
        self._output = output
        self._begin = begin
        self._turns = 1
        self._told = ""
        self._tried: Move | None = None
        self._try_again_at = 0.0

    def next_turn(self, present: Turn) -> Turn | None:
        """The turn of the bundle that is current now; None if it has its turn already, or cannot have it."""
        try:
            pointer = read_pointer(self._root)
            if pointer is None:
                raise _RefusedError(f"{self._root} has no pointer any more")
            if pointer.current.bundle_sha256 == self._present.bundle_hash:
                self._told = ""
                return None
            if pointer.current == self._tried and time.monotonic() < self._try_again_at:
                return None
            self._tried, self._try_again_at = pointer.current, time.monotonic() + TRY_AGAIN_SECONDS
            tagger = self._loaded(pointer.current)
        except TonearmError as error:
            self._tell(present, str(error))
            return None
        self._turns += 1
        turn = self._begin(tagger, self._turns)
        present.close = partial(_free, self._present)
        _logger.warning("%s takes over from %s", tagger.identity, self._present.identity)
        self._present, self._told, self._tried = tagger, "", None
        return turn

    def _loaded(self, move: Move) -> Tagger:
        try:
            tagger = require_whole(self._root, move.bundle, move.bundle_sha256)
        except BundleError as error:
            raise _RefusedError(f"{move.bundle}: {error}") from error
        if tagger.front_end.fingerprint != self._present.front_end.fingerprint:
            raise _RefusedError(
                f"{move.bundle} has another front end, {tagger.front_end.fingerprint} where "
                f"{self._present.identity} has {self._present.front_end.fingerprint}: stop this stream and "
                "start it again"
            )
        require_same_bundle(self._output, tagger)
        return tagger

    def _tell(self, present: Turn, reason: str) -> None:
        if reason == self._told:
            return
        self._told = reason
        present.record.settings[REFUSED] = reason
        _logger.warning("%s goes on tagging: %s", self._present.identity, reason)


def _free(tagger: Tagger) -> None:
    """Free the engines of a tagger whose turn is over.

    Pipelines that are done hold them in cycles of references. Python breaks those up when it has made enough
    new objects, and does not see how much memory an engine takes: twenty swaps would pass before it does.
    """
    forget_engine(tagger)
    gc.collect()
