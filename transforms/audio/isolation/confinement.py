"""What a process that reads bytes of strangers may take, and how it ends: decoders, and others like them.

Its command line begins with PARENT_PID and ERRORS. ERRORS is the number of an open file that takes the place
of standard error once the process is up: what it says before is for the error of its worker.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

MEMORY_BYTES = 1 << 30
"""What the process may allocate. It takes 80 MB; files with huge tables or pictures need a few hundred."""

_PR_SET_PDEATHSIG = 1


def confine(arguments: Sequence[str], memory_bytes: int = MEMORY_BYTES) -> None:
    """Confine this process, before it loads what may be large and is handed a file.

    Args:
        arguments: Its command line.
        memory_bytes: What it may allocate.
    """
    _end_with_parent(int(arguments[1]))
    _set_limits(memory_bytes)
    _set_signals()


def be_up(arguments: Sequence[str]) -> None:
    """Write to the worker's own standard error from now on; nothing is left to do before the first file."""
    errors = int(arguments[2])
    os.dup2(errors, sys.stderr.fileno())
    os.close(errors)


def _end_with_parent(parent: int) -> None:
    """Be killed when the parent ends, however it ends and whatever a codec is doing then."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before we could ask
        sys.exit()


def _set_limits(memory_bytes: int) -> None:
    """Bound what a malicious file can take: memory, and the disk that a core dump would fill."""
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError):  # where memory runs out, this process shall go and not the worker
        Path("/proc/self/oom_score_adj").write_text("1000")


def _set_signals() -> None:
    """Leave it to the worker when to stop: it finishes its tracks after a Ctrl-C or a SIGTERM to all."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # nobody wants the rest: no reason for a traceback
