"""Who holds an output: a run, by name and host, and whether its process is seen to have ended."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Holder:
    """A run that holds an output; this is what the note says that lies there meanwhile.

    Attributes:
        run_id: The run; empty if its note cannot be read.
        mode: ``batch`` or ``streaming``.
        host: Where it runs, or where it was submitted to a cluster.
        process: The process that is the run, as :func:`process_name` gives it; empty if it is no single one.
        started: When it began.
        signs: Signs of life that it has given; each changes the note, whatever the clocks say.
        last_sign: When it gave the last one, by its own clock; for people only.
        successor_of: Runs that it took the output over from, and whose leftovers it has not cleared yet.
    """

    run_id: str
    mode: str
    host: str
    process: str
    started: str
    signs: int = 0
    last_sign: str = ""
    successor_of: tuple[str, ...] = ()

    @classmethod
    def here(cls, run_id: str, mode: str, *, outlives_process: bool = False) -> Holder:
        """A run of this process, or one that a cluster goes on with when this process has ended."""
        process = "" if outlives_process else process_name(os.getpid())
        return cls(run_id, mode, socket.gethostname(), process, _now())

    @classmethod
    def of(cls, note: bytes) -> Holder:
        """Read a note; one that is cut, or was written by something else, is of a run without a name."""
        try:
            values = json.loads(note)
            return cls(**{**values, "successor_of": tuple(values["successor_of"])})
        except (ValueError, TypeError, KeyError, RecursionError):
            return cls(run_id="", mode="", host="", process="", started="")

    def note(self) -> bytes:
        """What to write; a further sign of life each time."""
        return json.dumps(asdict(self), sort_keys=True).encode()

    def with_sign(self) -> Holder:
        """The same run with one more sign of life."""
        return replace(self, signs=self.signs + 1, last_sign=_now())

    def is_seen_alive(self) -> bool:
        """True if the run is a process that this machine sees running."""
        return _is_of_this_machine(self.process) and not self.is_seen_ended()

    def is_seen_ended(self) -> bool:
        """True if the run was a process of this machine, and has ended; of others nobody here can tell."""
        if not _is_of_this_machine(self.process):
            return False
        number = int(self.process.rsplit("/", 2)[1])
        if process_name(number) != self.process:
            return True
        return number == os.getpid() and self.run_id not in _holding

    def __str__(self) -> str:
        if not self.run_id:
            return "a run whose note cannot be read"
        return f"run {self.run_id} ({self.mode}) on host {self.host}"


_holding: set[str] = set()
"""Runs of this process that hold an output. A process may make several runs, one after the other."""


@contextmanager
def counted_as_holding(run_id: str) -> Iterator[None]:
    """Let other runs of this process see that this one holds an output."""
    _holding.add(run_id)
    try:
        yield
    finally:
        _holding.discard(run_id)


def process_name(number: int) -> str:
    """A name that no other process has: ``boot/namespace/number/start``; empty if there is none such.

    The start, in ticks since the machine's, tells a process from a later one of the same number, and the
    namespace tells a container's from the host's.
    """
    try:
        status = Path(f"/proc/{number}/stat").read_text()
    except OSError:
        return ""
    state, *fields = status.rpartition(")")[2].split()
    return "" if state == "Z" else f"{_machine()}/{number}/{fields[18]}"


def _machine() -> str:
    """The numbers of processes mean the same where this is the same; empty where nobody can tell."""
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot}/{Path('/proc/self/ns/pid').readlink()}"
    except OSError:
        return ""


def _is_of_this_machine(process: str) -> bool:
    machine = _machine()
    return bool(machine) and process.startswith(f"{machine}/")


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
