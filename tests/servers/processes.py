"""Child processes that never outlive the test process, and small helpers to wait for them."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

LOOPBACK = "127.0.0.1"

# Runs in the child before the server does. The kernel then kills the server when its parent dies, however
# that happens; the comparison covers a parent that died before the request was made. A launcher and not
# ``preexec_fn``, which may deadlock in a process that has gRPC's threads.
_LAUNCHER = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    PR_SET_PDEATHSIG = 1
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(sys.argv[1]):
        sys.exit("the parent is gone")
os.execv(sys.argv[2], sys.argv[2:])
"""


class ServerError(RuntimeError):
    """A server that did not start, or died; the message ends with its log."""


@dataclass(frozen=True, slots=True)
class Child:
    """A running server process.

    Attributes:
        process: The process itself.
        log: File that takes its standard output and error.
    """

    process: subprocess.Popen[bytes]
    log: Path

    def tail(self, *, characters: int = 4000) -> str:
        """Return the end of the log, for failure messages."""
        return self.log.read_text(errors="replace")[-characters:]

    def stop(self, *, grace_s: float = 3.0) -> None:
        """End the process: politely first, then by force."""
        self.process.terminate()
        try:
            self.process.wait(timeout=grace_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


@contextmanager
def running(
    command: Sequence[str | os.PathLike[str]],
    *,
    log: Path,
    ready: Callable[[], bool],
    environ: Mapping[str, str] | None = None,
    timeout_s: float = 30.0,
) -> Iterator[Child]:
    """Run a server for as long as the context lasts.

    The kernel ties the child to the *thread* that starts it: start servers from a thread that outlives them.

    Args:
        command: The program, by its absolute path, and its arguments.
        log: File for its output; kept after the end.
        ready: Says whether the server answers yet.
        environ: Variables to set on top of this process's own.
        timeout_s: How long the server may take to get ready.

    Raises:
        ServerError: If it ends, or does not answer in time.
    """
    launch = [sys.executable, "-ISc", _LAUNCHER, str(os.getpid()), *command]
    with log.open("wb") as output:
        process = subprocess.Popen(
            launch,
            env={**os.environ, **(environ or {})},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
        )
    child = Child(process, log)
    try:
        _wait_until_ready(child, ready, timeout_s=timeout_s)
        yield child
    finally:
        child.stop()


def _wait_until_ready(child: Child, ready: Callable[[], bool], *, timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    while not ready():
        code = child.process.poll()
        if code is not None:
            raise ServerError(f"server ended with code {code} before it answered\n{child.tail()}")
        if time.monotonic() > deadline:
            raise ServerError(f"server did not answer within {timeout_s:g} s\n{child.tail()}")
        time.sleep(0.02)


def free_port() -> int:
    """Return a loopback port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind((LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def accepts_connections(port: int) -> bool:
    """Say whether something listens on a loopback port."""
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((LOOPBACK, port)) == 0


def wait_for(condition: Callable[[], bool], *, timeout_s: float = 10.0, what: str = "the condition") -> None:
    """Block until ``condition()`` holds.

    Raises:
        TimeoutError: If it does not come to hold in time.
    """
    deadline = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not come about within {timeout_s:g} s")
        time.sleep(0.02)


@contextmanager
def applied(environ: Mapping[str, str]) -> Iterator[None]:
    """Set variables in this process (and so in its children) and put the old ones back at the end."""
    before = {name: os.environ.get(name) for name in environ}
    os.environ.update(environ)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
