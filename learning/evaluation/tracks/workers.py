"""Work on many tracks at once, with the outcomes in the order of the tracks and few of them in memory."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

Element = TypeVar("Element")
Result = TypeVar("Result")

_AHEAD_A_WORKER = 2
"""Elements begun for each worker before the first is asked for; each may hold a long track's patches."""


def worker_count() -> int:
    """One worker a core that this process may use."""
    return len(os.sched_getaffinity(0))


def in_order(
    work: Callable[[Element], Result], elements: Iterable[Element], workers: int
) -> Iterator[Result]:
    """Yield ``work(element)`` of each element in order, done by threads.

    Args:
        work: Safe to call from several threads; what it raises is raised here.
        elements: Drawn as workers have room.
        workers: Threads.

    Example:
        >>> list(in_order(str, range(5), 2))
        ['0', '1', '2', '3', '4']
    """
    waiting = iter(elements)
    with ThreadPoolExecutor(workers, thread_name_prefix="evaluate") as pool:
        begun: deque[Future[Result]] = deque()
        try:
            for element in islice(waiting, workers * _AHEAD_A_WORKER):
                begun.append(pool.submit(work, element))
            while begun:
                result = begun.popleft().result()
                for element in islice(waiting, 1):
                    begun.append(pool.submit(work, element))
                yield result
        finally:
            for future in begun:
                future.cancel()
