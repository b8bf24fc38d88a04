"""One decoder process as its worker sees it: started, asked, listened to with a time limit, ended."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import threading
from concurrent.futures import Future
from pathlib import Path
from queue import SimpleQueue

import tonearm
from tonearm.transforms.audio.isolation.messages import BUFFER_BYTES, Message, receive, send_file
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Stage, TrackError

Program = tuple[str, ...]
"""What a process runs: a module that confines itself by ``confinement``, and arguments of its own."""

_START_LIMIT_S = 120.0
_MOST_LAST_WORDS = 1 << 16
_END_LIMIT_S = 5.0
_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR")
"""Environment variables for the decoder process: no credentials beside hostile bytes."""

_MALLOC = {"MALLOC_MMAP_THRESHOLD_": str(4 << 20), "MALLOC_TRIM_THRESHOLD_": str(16 << 20)}
"""Has glibc keep freed memory for the next block: to give it back and get it again costs time."""

_NO_HOME = {"HOME": os.devnull}
"""TensorFlow's Keras writes its settings into a home, and who has none is looked up in the accounts."""


class StartError(Exception):
    """A decoder process could not be started; the message says why, and no file was touched.

    Args:
        reason: Why, for people.
        hangs: True if it took too long, so that it is not worth while to try again.
    """

    def __init__(self, reason: str, *, hangs: bool = False) -> None:
        super().__init__(reason)
        self.hangs = hangs


class DecoderProcess:
    """One child process and the socket to it; used by one thread at a time.

    Attributes:
        is_ready: True once the process has said that it is up.
    """

    def __init__(self, child: subprocess.Popen[bytes], connection: socket.socket) -> None:
        self._child = child
        self._connection = connection
        self.is_ready = False

    def lives(self) -> bool:
        """False if the process has ended; it is then no zombie either."""
        return self._child.poll() is None

    def await_ready(self) -> None:
        """Wait for the process to be up.

        Raises:
            StartError: It ended before, or takes too long; it is dead then.
        """
        if self.is_ready:
            return
        try:
            self.receive(_START_LIMIT_S)
        except TrackError as error:
            hangs = error.error is ErrorWord.DECODE_TIMEOUT
            self.kill()
            raise StartError(f"{error.message}{self._last_words()}", hangs=hangs) from error
        self.is_ready = True
        self._close_errors()

    def decode(self, descriptor: int, rate_hz: int) -> None:
        """Have a file decoded by a process that is up."""
        try:
            send_file(self._connection, descriptor, rate_hz)
        except OSError as error:
            raise self._death() from error

    def _last_words(self) -> str:
        """The last line of what the process wrote to its standard error before it was up."""
        errors = self._child.stderr
        if errors is None or errors.closed:
            return ""
        os.set_blocking(errors.fileno(), False)
        lines = (errors.read(_MOST_LAST_WORDS) or b"").decode("utf-8", "replace").strip().splitlines()
        errors.close()
        return f" ({lines[-1].strip()})" if lines else ""

    def _close_errors(self) -> None:
        if self._child.stderr is not None:
            self._child.stderr.close()

    def receive(self, stall_limit_s: float) -> Message:
        """The next message.

        Raises:
            TrackError: ``decode_timeout`` or ``decoder_died``; the process is dead then, or to be killed.
        """
        self._connection.settimeout(stall_limit_s)
        try:
            return receive(self._connection)
        except TimeoutError as error:
            raise timeout_error(f"no sound from the decoder for {stall_limit_s:g} s") from error
        except (EOFError, OSError) as error:
            raise self._death() from error

    def _death(self) -> TrackError:
        status = self._end()
        cause = f"exit status {status}" if status >= 0 else signal.Signals(-status).name
        killed = status == -signal.SIGKILL  # by a person, or by the kernel for want of memory
        return TrackError(
            Stage.DECODE, ErrorWord.DECODER_DIED, f"the decoder process died: {cause}", retriable=killed
        )

    def _end(self) -> int:
        """Wait for the process that has closed its socket or will, as its worker's side is closed."""
        self._connection.close()
        try:
            return self._child.wait(_END_LIMIT_S)
        except subprocess.TimeoutExpired:
            return self.kill()

    def kill(self) -> int:
        """End the process at once and return its status, negative for a signal."""
        self._connection.close()
        self._child.kill()
        try:
            return self._child.wait(_END_LIMIT_S)
        except subprocess.TimeoutExpired:  # it hangs in the kernel on a dead disk; subprocess reaps it later
            return -signal.SIGKILL

    def close(self) -> None:
        """End a process that is at rest."""
        self._end()
        self._close_errors()


class Spawner:
    """Starts processes from a thread of its own, which lives as long as the program does.

    The process asks the kernel to be killed when its parent ends (``PR_SET_PDEATHSIG``). The kernel means
    the thread that started it, and Beam's threads come and go with every pipeline; this one ends with the
    program, ``kill -9`` included. A process at rest ends as well when its socket closes.

    Args:
        program: What the processes run.
    """

    def __init__(self, program: Program) -> None:
        self._program = program
        self._orders: SimpleQueue[Future[DecoderProcess]] = SimpleQueue()
        threading.Thread(target=self._work, name="decoder-spawner", daemon=True).start()

    def start(self) -> DecoderProcess:
        """Start a process; returns before it is up.

        Raises:
            StartError: The system refuses to start one.
        """
        order: Future[DecoderProcess] = Future()
        self._orders.put(order)
        try:
            return order.result()
        except OSError as error:
            raise StartError(f"{sys.executable}: {error.strerror or error}") from error

    def _work(self) -> None:
        while True:
            order = self._orders.get()
            try:
                order.set_result(_start_process(self._program))
            except BaseException as error:
                order.set_exception(error)


def _start_process(program: Program) -> DecoderProcess:
    """Start a process, whose standard error is ours as soon as it is up, and a pipe that we read before."""
    ours, theirs = socket.socketpair()
    our_errors = os.dup(2)
    main, *arguments = program
    with theirs:
        theirs.setblocking(True)  # Beam's cloud clients set a default timeout for all sockets of the program
        theirs.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, BUFFER_BYTES)
        try:
            child = subprocess.Popen(
                [sys.executable, "-SPm", main, str(os.getpid()), str(our_errors), *arguments],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.PIPE,
                pass_fds=(our_errors,),
                env=_environment(),
                start_new_session=True,  # a Ctrl-C is the worker's to answer
            )
        except BaseException:
            ours.close()
            raise
        finally:
            os.close(our_errors)
    return DecoderProcess(child, ours)


def _environment() -> dict[str, str]:
    """The process's environment, without credentials: paths of modules, one thread for NumPy."""
    ours = str(Path(tonearm.__file__).absolute().parents[1])
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    modules = os.pathsep.join([ours, *filter(None, sys.path)])
    settings = {"PYTHONPATH": modules, "PYTHONUTF8": "1", "OPENBLAS_NUM_THREADS": "1"}
    return passed_on | settings | _MALLOC | _NO_HOME


def timeout_error(message: str) -> TrackError:
    """A decoder took too long; not retriable, as the same bytes would hold up a worker again."""
    return TrackError(Stage.DECODE, ErrorWord.DECODE_TIMEOUT, f"{message}; its process was killed")
