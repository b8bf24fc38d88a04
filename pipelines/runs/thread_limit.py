"""Whether the system allows the threads that a command needs: asked before anything depends on one.

A library that is refused a thread half-way does not always say so: OpenBLAS sends SIGINT to its own process,
others wait for ever or end the process at once. So as many threads as will be needed are started beforehand,
all at one time, and ended again, which takes a millisecond.
"""

from __future__ import annotations

import os
import threading
from contextlib import suppress

from tonearm.errors import MachineError

_FOR_ANY_RUN = 10
"""Signs of life, progress, the starter of decoders and what libraries have whatever the number of workers.
Measured, as is the next: runs with 1, 2 and 6 workers had 15, 18 and 34 threads and processes on 2 cores."""

_FOR_EACH_WORKER = 4
"""The worker itself, its decoder process, and threads of Beam and OpenVINO."""

_MOST_OF_OPENBLAS = 64
"""As NumPy's wheels have it built."""


def require_threads(count: int | None = None) -> None:
    """Make sure that so many more threads can be started.

    Args:
        count: How many; None for those that NumPy's OpenBLAS starts when it is loaded.

    Raises:
        MachineError: The system refuses one of them.
    """
    wanted = _threads_of_openblas() if count is None else count
    asked = threading.Event()
    threads = [threading.Thread(target=asked.wait, daemon=True) for _ in range(wanted)]
    started = 0
    try:
        with suppress(RuntimeError):
            for thread in threads:
                thread.start()
                started += 1
    finally:
        asked.set()
        for thread in threads[:started]:
            thread.join()
    if started < wanted:
        raise MachineError(
            f"the system allows no more threads: {wanted} more are needed, and {started} could be started. "
            "Look at `ulimit -u`, or at a container's limit; fewer `--direct_num_workers` need fewer"
        )


def threads_of(workers: int) -> int:
    """How many threads and processes a run on this machine has, with its decoders, beyond the first.

    Example:
        >>> threads_of(2)
        18
    """
    return _FOR_ANY_RUN + _FOR_EACH_WORKER * workers


def _threads_of_openblas() -> int:
    """One a core, unless its variable says that it is to make do with fewer."""
    if os.environ.get("OPENBLAS_NUM_THREADS"):
        return 1
    return min(len(os.sched_getaffinity(0)), _MOST_OF_OPENBLAS)
