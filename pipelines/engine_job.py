"""A job on an engine: waited for to its end, or left to the engine when the command is told to stop."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum, auto
from types import FrameType

from apache_beam.options.pipeline_options import PipelineOptions, PortableOptions
from apache_beam.runners.runner import PipelineResult, PipelineState

_ENDED_WELL = (PipelineState.DONE, PipelineState.DRAINED, PipelineState.UPDATED)


class JobEnd(Enum):
    """How a job ended."""

    DONE = auto()
    """It came to its end, or was drained."""

    STOPPED = auto()
    """It was cancelled, as this command was told to stop and the job's workers live in this process."""


class JobFailedError(Exception):
    """The engine gave the job up, or somebody cancelled it."""


class JobLeftError(Exception):
    """This command was told to stop; the engine goes on with the job."""


def wait_for(result: PipelineResult, options: PipelineOptions) -> JobEnd:
    """Wait for a job's end, or for SIGINT or SIGTERM.

    A signal ends the wait and not the job: what an engine has taken, it is to finish, above all a stream,
    whose messages are acknowledged. Only a job whose workers live in this process cannot outlive it.

    Raises:
        JobFailedError: The job ended otherwise than well.
        JobLeftError: A signal came, and the job goes on.
    """
    waiting = _Wait(result)
    with _told_to_stop(waiting.ended) as told:
        waiting.start()
        waiting.ended.wait()
    if not told.is_set():
        waiting.check()
        return JobEnd.DONE
    if options.view_as(PortableOptions).environment_type != "LOOPBACK":
        raise JobLeftError(
            f"stopped waiting; the engine goes on with job {_name_of(result)}. "
            "Drain or cancel it there (on Dataflow: `gcloud dataflow jobs drain JOB`)"
        )
    result.cancel()
    return JobEnd.STOPPED


def say_submitted(result: PipelineResult) -> None:
    """Tell where the job is, if the engine names it."""
    if name := _name_of(result):
        print(f"tonearm: the engine runs job {name}", file=sys.stderr, flush=True)


def _name_of(result: PipelineResult) -> str:
    return str(result.job_id() if hasattr(result, "job_id") else getattr(result, "_job_id", ""))


class _Wait(threading.Thread):
    """Waits in a thread, so that the main one can take signals; Beam's own waits differ in how they do."""

    def __init__(self, result: PipelineResult) -> None:
        super().__init__(name="engine job", daemon=True)
        self.ended = threading.Event()
        self._result = result
        self._error: Exception | None = None

    def run(self) -> None:
        try:
            self._result.wait_until_finish()
        except Exception as error:
            self._error = error
        self.ended.set()

    def check(self) -> None:
        """Raise unless the job ended well; Beam takes a drained job for a failed one."""
        if self._error and self._result.state not in _ENDED_WELL:
            raise JobFailedError(str(self._error)) from self._error


@contextmanager
def _told_to_stop(wake: threading.Event) -> Iterator[threading.Event]:
    """Note the first SIGINT or SIGTERM and wake who waits; a second one ends the process at once."""
    told = threading.Event()

    def note(number: int, frame: FrameType | None) -> None:
        told.set()
        wake.set()
        for each in before:
            signal.signal(each, signal.SIG_DFL)

    before = {each: signal.signal(each, note) for each in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield told
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)
