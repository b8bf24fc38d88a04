"""A run's hold on an output: taken before its first track, kept by signs of life, given up at its end.

The hold is a small note beside the tables that names its run. It is written on the store's own condition
that nobody has changed it meanwhile, so of two runs that begin at one moment one holds the output. The run
changes the note every few seconds. Who finds a note watches it: one that changes is of a living run, and the
second run is refused; one that does not for two minutes is of a dead run, and is taken over. Nothing depends
on whether the clocks of two hosts agree. On the run's own machine nobody has to wait: its process is there or
it is not. On a disk a run locks the folder besides, and while it has that lock nobody takes the output over,
however long its process was suspended.

A run whose note was taken over, say because its machine was suspended, stops before its next commit.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import replace

from tonearm.errors import TonearmError
from tonearm.transforms.storage.contract import Contents, StorageError
from tonearm.transforms.tables.contract import Holdable, NoteBoard, OutputInUseError
from tonearm.transforms.tables.holding.holder import Holder, counted_as_holding
from tonearm.transforms.tables.holding.place import DEAD_SECONDS, LOOK_SECONDS, Place

SIGN_SECONDS = 10.0
"""Between two signs of life."""

_LOCK_SECONDS = 5.0
"""For so long a lock on the output is asked for: a run that is just ending may still have it."""

_logger = logging.getLogger(__name__)


class HoldLostError(TonearmError):
    """Another run has taken the output over; the message tells which and what to do."""


class Hold:
    """A run's hold on all places of its output; safe to use from several threads.

    Args:
        boards: Where the notes lie.
        holder: The run.
    """

    def __init__(self, boards: Sequence[NoteBoard], holder: Holder) -> None:
        self._places = [Place(board) for board in boards]
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

    def take(self, lock: Callable[[], None] = lambda: None) -> None:
        """Take the hold.

        Args:
            lock: Takes what locks the output offers besides; asked once nobody else gives signs of life, and
                before anything is written.

        Raises:
            OutputInUseError: A living run holds the output.
            OutputError: Nothing can be written there.
        """
        try:
            for place in self._places:
                place.wait_until_free()
            self._lock_output(lock)
            for place in self._places:
                self._write_note(place)
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

    def _lock_output(self, lock: Callable[[], None]) -> None:
        """Take the locks; another run that has them has a note there, or is just going to write it."""
        began = time.monotonic()
        while True:
            try:
                return lock()
            except OutputInUseError as error:
                for place in self._places:
                    place.look_again()
                if time.monotonic() - began > _LOCK_SECONDS:
                    holders = (place.in_use(place.found) for place in self._places if place.found)
                    raise next(holders, error) from error
            time.sleep(LOOK_SECONDS)

    def _write_note(self, place: Place) -> None:
        """Write our note in place of none, or of a dead run's."""
        while place.ours is None:
            self._holder = self._succeeding(place.found)
            place.write(self._holder.note())
            if place.ours is None:
                place.look_again()
                place.wait_until_free()

    def _succeeding(self, found: Contents | None) -> Holder:
        """Our note; it names the dead runs, so that whoever comes after us clears what we do not."""
        if found is None:
            return self._holder.with_sign()
        dead = Holder.of(found.content)
        successor_of = (*self._holder.successor_of, *dead.successor_of, dead.run_id)
        return replace(
            self._holder.with_sign(), successor_of=tuple(dict.fromkeys(filter(None, successor_of)))
        )

    def _read_ours(self, place: Place) -> Contents:
        present = place.board.read()
        if present is None or Holder.of(present.content).run_id != self._holder.run_id:
            self._lost = _lost(place, present)
            raise self._lost
        return present

    def _sign(self, place: Place) -> None:
        for _ in range(3):
            present = self._read_ours(place)
            if place.ours is not None and present.generation != place.ours.generation:
                place.ours = present  # another process of this run has given a sign
                return
            signed = Holder.of(present.content).with_sign()
            if self._is_cleared:
                signed = replace(signed, successor_of=())
            if written := place.board.write_if(signed.note(), present):
                place.ours = written
                return


@contextmanager
def held(output: Holdable, holder: Holder) -> Iterator[Hold]:
    """Hold an output for one run, and clear up what dead runs left half done.

    Raises:
        OutputInUseError: A living run holds it.
        OutputError: It cannot be written to.
    """
    output.prepare()
    hold = Hold(output.boards(), holder)
    with ExitStack() as stack:
        stack.enter_context(counted_as_holding(holder.run_id))
        hold.take(lambda: stack.enter_context(output.guarded()))
        stack.callback(_give_up, hold, output, holder.run_id)
        stack.enter_context(hold.signing())
        output.recover(hold.dead_runs)
        hold.note_cleared()
        yield hold


def _give_up(hold: Hold, output: Holdable, run_id: str) -> None:
    """Clear up after ourselves and let the next run in, unless the output is not ours any more."""
    if hold.is_left:
        return
    try:
        hold.sign()  # looks at the note: a cluster's job gives the hold up by itself
        output.recover((run_id, *hold.dead_runs))  # one that was only suspended may have written once more
        hold.release()
    except HoldLostError:
        return
    except Exception as error:  # whatever a store raises: what is committed is, and the next run clears up
        _logger.warning("the tables could not be given up in order (%s); the next run sees to it", error)


def _lost(place: Place, note: Contents | None) -> HoldLostError:
    where, silence = place.board.location, f"this run gave no sign of life for {DEAD_SECONDS:.0f} s"
    if note is None:
        return HoldLostError(
            f"{where}: this run holds the tables no longer, and no other one does: it has ended, or one took "
            f"them over that has ended, as {silence}. What was committed stays; the same command does the "
            "rest, if there is any"
        )
    return HoldLostError(
        f"{where}: {Holder.of(note.content)} took the tables over, as {silence}. What was committed stays; "
        "the same command does the rest once the other run has ended"
    )
