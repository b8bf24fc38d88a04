"""Which bundle of a root takes over from the one at work, and why one that is current may not.

A bundle that cannot take over leaves the one before at work: it is damaged or gone, it has another front
end, for which the stream has to be started anew, or the tables hold rows of another bundle of its name and
version.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tonearm.errors import TonearmError
from tonearm.learning.promotion.root import require_whole
from tonearm.models.bundles.tagger import Tagger
from tonearm.transforms.tagging.bundle_root import Move, read_pointer, standing

REFUSED = "refused_tagger"
"""Key in the settings of a row of ``runs``: why the last bundle that was to take over in it could not."""

TRY_AGAIN_SECONDS = 60.0
"""A bundle that could not take over is looked at again after so long, as somebody may have mended its files.
To read all of it at each look would cost a stream more than its tracks."""


class _RefusedError(TonearmError):
    """A bundle cannot take over; the message says why."""


@dataclass(frozen=True, slots=True)
class Successor:
    """A bundle that takes over.

    Attributes:
        number: The pointer's move that made it current, counted from 1.
        moved_at: When that was, as ISO 8601.
        tagger: The bundle, all of it checked.
    """

    number: int
    moved_at: str
    tagger: Tagger


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why the bundle that is current cannot take over.

    Attributes:
        number: The pointer's move that made it current, counted from 1; 0 if there is no pointer to be read.
        moved_at: When that was, as ISO 8601; empty if there is no pointer to be read.
        reason: For people; names the bundle.
    """

    number: int
    moved_at: str
    reason: str


@dataclass(frozen=True, slots=True)
class _Tried:
    reason: str
    again_at: float


class Succession:
    """Tells which bundle of a root is to work next.

    If the current one cannot, it is the one that a rollback would come to, and so on back to the one at work.
    So all workers of a cluster come to work with the same bundle, whichever moves of the pointer they missed.

    Args:
        root: The bundle root.
        fingerprint: Of the front end that the stream has.
        require_usable: Raises if a bundle cannot be put to work here for any other reason.
    """

    def __init__(self, root: str, fingerprint: str, require_usable: Callable[[Tagger], object]) -> None:
        self._root = root
        self._fingerprint = fingerprint
        self._require_usable = require_usable
        self._tried: dict[Move, _Tried] = {}
        self._refusal: Refusal | None = None
        self._told = ""

    def after(self, present: Tagger | None) -> Successor | None:
        """What takes over from the bundle at work; None if it is the current one, or nothing can.

        Args:
            present: The bundle at work; None if there is none yet.
        """
        self._refusal = None
        try:
            pointer = read_pointer(self._root)
            if pointer is None:
                raise _RefusedError(f"{self._root} has no pointer any more")
        except TonearmError as error:
            self._refusal = Refusal(0, "", str(error))
            return None
        for number, move in _candidates(pointer.moves):
            if present and move.bundle_sha256 == present.bundle_hash:
                return None
            try:
                return Successor(number, move.moved_at, self._usable(move))
            except _RefusedError as error:
                self._refusal = self._refusal or Refusal(number, move.moved_at, str(error))
        return None

    def unheard_refusal(self) -> Refusal | None:
        """Why the bundle that is current could not take over at the last look; each reason is told once."""
        refusal = self._refusal
        reason = refusal.reason if refusal else ""
        is_news = reason != self._told
        self._told = reason
        return refusal if is_news else None

    def _usable(self, move: Move) -> Tagger:
        before = self._tried.get(move)
        if before and time.monotonic() < before.again_at:
            raise _RefusedError(before.reason)
        try:
            tagger = self._checked(move)
        except Exception as error:  # whatever is wrong with it must not end the stream
            reason = str(error) if isinstance(error, _RefusedError) else f"{move.bundle}: {_told(error)}"
            self._tried[move] = _Tried(reason, time.monotonic() + TRY_AGAIN_SECONDS)
            raise _RefusedError(reason) from error
        return tagger

    def _checked(self, move: Move) -> Tagger:
        tagger = require_whole(self._root, move.bundle, move.bundle_sha256)
        if tagger.front_end.fingerprint != self._fingerprint:
            raise _RefusedError(
                f"{move.bundle} has another front end, {tagger.front_end.fingerprint} where this stream has "
                f"{self._fingerprint}: stop this stream and start it again"
            )
        self._require_usable(tagger)
        return tagger


def _candidates(moves: tuple[Move, ...]) -> Iterator[tuple[int, Move]]:
    """Moves whose bundles may work, with their numbers: the current one, then those before it that stand."""
    yield len(moves), moves[-1]
    for move in reversed(standing(moves)[:-1]):
        yield moves.index(move) + 1, move


def _told(error: Exception) -> str:
    return str(error) if isinstance(error, TonearmError) else f"{type(error).__name__}: {error}"
