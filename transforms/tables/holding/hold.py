"""A run's hold on an output: taken before its first track, kept by signs of life, given up at its end.

The hold is a small note beside the tables that names its run. It is written on the store's own condition
that nobody has changed it meanwhile, so of two runs that begin at one moment one holds the output. The run
changes the note every few seconds. Who finds a note watches it: one that changes is of a living run, and the
second run is refused; one that does not for two minutes is of a dead run, and is taken over. Nothing depends
on whether the clocks of two hosts agree. On the run's own machine nobody has to wait: its process is there or
it is not.

A run whose note was taken over, say because its machine was suspended, stops before its next commit.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace

from tonearm.errors import TonearmError
from tonearm.transforms.storage.contract import Contents, StorageError
from tonearm.transforms.tables.contract import NoteBoard, Output, OutputError, OutputInUseError
from tonearm.transforms.tables.holding.holder import Holder, counted_as_holding

SIGN_SECONDS = 10.0
"""Between two signs of life."""

DEAD_SECONDS = 120.0
"""A run that has given no sign of life for so long counts as dead."""

_LOOK_SECONDS = 0.5
"""Between two looks at the note of another run."""

_logger = logging.getLogger(__name__)


class HoldLostError(TonearmError):
    """Another run has taken the output over; the message tells which and what to do."""


@dataclass(slots=True)
class _Place:
    """One place of an output, and our note there as it was last seen."""

    board: NoteBoard
    seen: Contents | None = None


class Hold:
    """A run's hold on all places of its output; safe to use from several threads.

    Args:
        boards: Where the notes lie.
        holder: The run.
    """

    def __init__(self, boards: Sequence[NoteBoard], holder: Holder) -> None:
        self._places = [_Place(board) for board in boards]
        self._holder = holder
        self._is_cleared = False
        self._lock = threading.Lock()
        self._signed_at = time.monotonic()
        self._lost: HoldLostError | None = None
        self.is_left = False

    @classmethod
    def joined(cls, boards: Sequence[NoteBoard], run_id: str) -> Hold:
        """The hold that another process of this run has taken.

        Raises:
            HoldLostError: The run holds the output no longer.
        """
        hold = cls(boards, Holder.here(run_id, "batch", outlives_process=True))
        hold.sign()
        return hold

    @property
    def dead_runs(self) -> tuple[str, ...]:
        """Runs that the output was taken over from, and whose leftovers are to be cleared."""
        return self._holder.successor_of

    def take(self) -> None:
        """Take the hold.

        Raises:
            OutputInUseError: A living run holds the output.
            OutputError: Nothing can be written there.
        """
        try:
            for place in self._places:
                self._take(place)
        except BaseException:
            with suppress(StorageError):
                self.release()
            raise

    def require(self) -> None:
        """Make sure that the run still holds its output; to be asked before each commit.

        The note is looked at each time: on a machine that was suspended the clock may have stood still.

        Raises:
            HoldLostError: Another run has taken it over.
        """
        if self._lost or time.monotonic() - self._signed_at > 2 * SIGN_SECONDS:
            self.sign()
            return
        with self._lock:
            for place in self._places:
                self._read_ours(place)

    def sign(self) -> None:
        """Give a sign of life.

        Raises:
            HoldLostError: Another run has taken the output over.
        """
        with self._lock:
            if self._lost:
                raise self._lost
            for place in self._places:
                self._sign(place)
            self._signed_at = time.monotonic()

    def note_cleared(self) -> None:
        """The leftovers of dead runs are gone: nobody has to look for them again."""
        self._is_cleared = True
        if self.dead_runs:
            self.sign()

    def leave(self) -> None:
        """Leave the hold to a cluster's job, which goes on without this process."""
        self.is_left = True

    def release(self) -> None:
        """Give the hold up where it is ours."""
        for place in self._places:
            present = place.board.read()
            if present is not None and Holder.of(present.content).run_id == self._holder.run_id:
                place.board.clear()

    @contextmanager
    def signing(self) -> Iterator[None]:
        """Give signs of life from a thread for as long as the block lasts."""
        ended = threading.Event()

        def sign() -> None:
            while not ended.wait(SIGN_SECONDS):
                try:
                    self.sign()
                except HoldLostError:
                    return
                except Exception as error:  # whatever a store raises: the next sign may come through
                    _logger.warning("no sign of life could be given: %s", error)

        thread = threading.Thread(target=sign, name="signs of life", daemon=True)
        thread.start()
        try:
            yield
        finally:
            ended.set()
            thread.join()

    def _take(self, place: _Place) -> None:
        try:
            found, since = place.board.read(), time.monotonic()
            if found is not None and not _is_free(place, found):
                _logger.warning(
                    "%s: %s was writing there; looking for a sign of life, for %.0f s at most",
                    *(place.board.location, Holder.of(found.content), DEAD_SECONDS),
                )
            while not self._taken(place, found, since):
                time.sleep(_LOOK_SECONDS)
                present = place.board.read()
                if present is not None and present != found:
                    raise _in_use(place, present)
                found = present
        except StorageError as error:
            raise OutputError(f"{place.board.location} cannot be written to: {error.message}") from error

    def _taken(self, place: _Place, found: Contents | None, since: float) -> bool:
        """Write our note over nobody's or a dead run's; False if it is neither, or another was faster."""
        if _is_free(place, found) or time.monotonic() - since > DEAD_SECONDS:
            self._holder = self._succeeding(found)
            place.seen = place.board.write_if(self._holder.note(), found)
        return place.seen is not None

    def _succeeding(self, found: Contents | None) -> Holder:
        """Our note; it names the dead runs, so that whoever comes after us clears what we do not."""
        if found is None:
            return self._holder.with_sign()
        dead = Holder.of(found.content)
        successor_of = (*self._holder.successor_of, *dead.successor_of, dead.run_id)
        return replace(
            self._holder.with_sign(), successor_of=tuple(dict.fromkeys(filter(None, successor_of)))
        )

    def _read_ours(self, place: _Place) -> Contents:
        present = place.board.read()
        if present is None or Holder.of(present.content).run_id != self._holder.run_id:
            self._lost = _lost(place, present)
            raise self._lost
        return present

    def _sign(self, place: _Place) -> None:
        for _ in range(3):
            present = self._read_ours(place)
            if place.seen is not None and present.generation != place.seen.generation:
                place.seen = present  # another process of this run has given a sign
                return
            signed = Holder.of(present.content).with_sign()
            if self._is_cleared:
                signed = replace(signed, successor_of=())
            if written := place.board.write_if(signed.note(), present):
                place.seen = written
                return


@contextmanager
def held(output: Output, holder: Holder) -> Iterator[Hold]:
    """Hold an output for one run, and clear up what dead runs left half done.

    Raises:
        OutputInUseError: A living run holds it.
        OutputError: It cannot be written to.
    """
    output.prepare()
    hold = Hold(output.boards(), holder)
    with ExitStack() as stack:
        stack.enter_context(counted_as_holding(holder.run_id))
        hold.take()
        stack.callback(_give_up, hold, output, holder.run_id)
        stack.enter_context(output.guarded())
        stack.enter_context(hold.signing())
        output.recover(hold.dead_runs)
        hold.note_cleared()
        yield hold


def _give_up(hold: Hold, output: Output, run_id: str) -> None:
    """Clear up after ourselves and let the next run in, unless the output is not ours any more."""
    if hold.is_left:
        return
    try:
        hold.sign()  # looks at the note: a cluster's job gives the hold up by itself
        output.recover((run_id,))
        hold.release()
    except HoldLostError:
        return
    except Exception as error:  # whatever a store raises: what is committed is, and the next run clears up
        _logger.warning("the tables could not be given up in order (%s); the next run sees to it", error)


def _is_free(place: _Place, found: Contents | None) -> bool:
    """True if nobody holds a place, or the holder's process is seen to have ended.

    Raises:
        OutputInUseError: Its process is seen alive.
    """
    if found is None:
        return True
    holder = Holder.of(found.content)
    if holder.is_seen_alive():
        raise _in_use(place, found)
    return holder.is_seen_ended()


def _in_use(place: _Place, note: Contents) -> OutputInUseError:
    holder = Holder.of(note.content)
    times = f" since {holder.started}, and gave its last sign of life at {holder.last_sign}"
    return OutputInUseError(
        f"{place.board.location}: {holder} is writing there{times if holder.run_id else ''}. "
        "Wait for its end or stop it"
    )


def _lost(place: _Place, note: Contents | None) -> HoldLostError:
    other = "another run" if note is None else str(Holder.of(note.content))
    return HoldLostError(
        f"{place.board.location}: {other} took the tables over, as this run gave no sign of life for "
        f"{DEAD_SECONDS:.0f} s. What was committed stays; the same command does the rest once the other run "
        "has ended"
    )
