"""Processes of this program that read bytes of strangers: borrowed, given back, kept for the next file."""

from __future__ import annotations

import atexit
import os
import threading
import time
from contextlib import suppress
from functools import lru_cache

from tonearm.errors import MachineError
from tonearm.transforms.audio.isolation.decoder_process import DecoderProcess, Program, Spawner, StartError
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Stage, TrackError

_PAUSES_S = (0.2, 1.0)
"""After these one that could not be started is tried again: memory may be short for a moment."""


class ProcessPool:
    """The processes that run one program: as many as threads use at once.

    Args:
        program: What they run.
    """

    def __init__(self, program: Program) -> None:
        self._spawner = Spawner(program)
        self._lock = threading.Lock()
        self._idle: list[DecoderProcess] = []
        self._in_use = 0
        self._up: set[DecoderProcess] = set()
        atexit.register(self.close)

    def start(self, count: int) -> None:
        """Start as many as lack; that none can be started is for those to tell who borrow one."""
        with self._lock, suppress(StartError):
            while len(self._idle) + self._in_use < count:
                self._idle.append(self._spawner.start())

    def borrow(self) -> DecoderProcess:
        """A process at rest, or a new one.

        Raises:
            TrackError: ``decoder_died``: it cannot be started now, and others are up.
            MachineError: It cannot be started, and none is up.
        """
        with self._lock:
            self._in_use += 1  # before it is taken, or another thread would start one too many
        try:
            process = self._ready_process()
        except BaseException:
            with self._lock:
                self._in_use -= 1
            raise
        with self._lock:
            self._up.add(process)
        return process

    def _ready_process(self) -> DecoderProcess:
        for pause_s in (*_PAUSES_S, None):
            try:
                process = self._living() or self._spawner.start()
                process.await_ready()
            except StartError as error:
                if pause_s is None or error.hangs:
                    raise self._not_started(error) from error
                time.sleep(pause_s)
            else:
                return process
        raise AssertionError  # the last try returns or raises

    def _not_started(self, error: StartError) -> TrackError | MachineError:
        message = f"no decoder process can be started: {error}"
        with self._lock:
            others_are_up = any(process.lives() for process in self._up)
        if others_are_up:
            return TrackError(Stage.DECODE, ErrorWord.DECODER_DIED, message, retriable=True)
        return MachineError(
            f"{message}. Every track needs one: look at the limits on processes and memory (`ulimit -a`), "
            "and at what a sandbox forbids"
        )

    def _living(self) -> DecoderProcess | None:
        while process := self._pop():
            if process.lives():
                return process
            self._end(process)
        return None

    def _end(self, process: DecoderProcess) -> None:
        process.close()
        with self._lock:
            self._up.discard(process)

    def give_back(self, process: DecoderProcess, *, at_rest: bool) -> None:
        """Keep a process for the next track, or end it if it is not at rest."""
        if not at_rest:
            process.kill()
        with self._lock:
            self._in_use -= 1
            if at_rest:
                self._idle.append(process)
            else:
                self._up.discard(process)

    def close(self) -> None:
        """End the processes at rest."""
        while process := self._pop():
            self._end(process)

    def _pop(self) -> DecoderProcess | None:
        with self._lock:
            return self._idle.pop() if self._idle else None


_making_pool = threading.Lock()


def pool_of(program: Program) -> ProcessPool:
    """The pool of this process; one that was forked off has none of its parent's.

    Args:
        program: What the pool's processes run.
    """
    with _making_pool:
        return _pool_of(os.getpid(), program)


@lru_cache(maxsize=8)
def _pool_of(pid: int, program: Program) -> ProcessPool:
    return ProcessPool(program)
