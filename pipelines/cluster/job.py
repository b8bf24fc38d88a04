"""A job on a cluster: waited for to its end, or left to the cluster when the command is told to stop."""

from __future__ import annotations

import threading
from enum import Enum, auto

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions, PortableOptions
from apache_beam.runners.runner import PipelineResult, PipelineState

from tonearm.errors import TonearmError
from tonearm.pipelines.reports.printing import say
from tonearm.pipelines.runs.first_signal import first_signal_answered

_ENDED_WELL = (PipelineState.DONE, PipelineState.DRAINED, PipelineState.UPDATED)


class JobEnd(Enum):
    """How a job ended."""

    DONE = auto()
    """It came to its end, or was drained."""

    STOPPED = auto()
    """It was cancelled, as this command was told to stop and the job's workers live in this process."""


class JobFailedError(TonearmError):
    """The cluster gave the job up, or somebody cancelled it."""


class JobLeftError(TonearmError):
    """This command was told to stop; the cluster goes on with the job."""


class JobOutOfSightError(TonearmError):
    """The cluster could not be asked any more how the job fares; it may well go on."""


def submit(pipeline: beam.Pipeline) -> PipelineResult:
    """Hand the graph to the cluster; some runners return at the job's end.

    Raises:
        JobFailedError: The cluster did not take the job, or gave it up.
    """
    try:
        return pipeline.run()
    except Exception as error:
        raise JobFailedError(str(error)) from error


def wait_for(result: PipelineResult, options: PipelineOptions) -> JobEnd:
    """Wait for a job's end, or for SIGINT or SIGTERM.

    A signal ends the wait and not the job: what a cluster has taken, it is to finish, above all a stream,
    whose messages are acknowledged. Only a job whose workers live in this process cannot outlive it.

    Raises:
        JobFailedError: The job ended otherwise than well.
        JobLeftError: A signal came, and the job goes on.
        JobOutOfSightError: The wait broke off, and the job did not.
    """
    waiting = _Wait(result)
    with first_signal_answered(lambda number: waiting.give_up()):
        tell_name(result)
        waiting.start()
        waiting.ended.wait()
    if not waiting.is_given_up:
        waiting.check()
        return JobEnd.DONE
    if options.view_as(PortableOptions).environment_type != "LOOPBACK":
        raise JobLeftError(
            f"stopped waiting; the cluster goes on with job {_name_of(result)}. "
            "Drain or cancel it there (on Dataflow: `gcloud dataflow jobs drain JOB`)"
        )
    result.cancel()
    return JobEnd.STOPPED


def tell_name(result: PipelineResult) -> None:
    """Print the name under which the cluster knows a job, if it has one yet."""
    if name := _name_of(result):
        say(f"tonearm: the cluster runs job {name}")


def _name_of(result: PipelineResult) -> str:
    if getattr(result, "has_job", True) and hasattr(result, "job_id"):
        return str(result.job_id())
    return getattr(result, "_job_id", "")


class _Wait(threading.Thread):
    """Waits in a thread of its own, so that the main thread can answer signals, whichever the runner."""

    def __init__(self, result: PipelineResult) -> None:
        super().__init__(name="cluster job", daemon=True)
        self.ended = threading.Event()
        self.is_given_up = False
        self._result = result
        self._error: Exception | None = None

    def run(self) -> None:
        try:
            self._result.wait_until_finish()
        except Exception as error:
            self._error = error
        self.ended.set()

    def give_up(self) -> None:
        """Wait no longer, whatever becomes of the job."""
        self.is_given_up = True
        self.ended.set()

    def check(self) -> None:
        """Raise unless the job ended well; Beam takes a drained job for a failed one."""
        if self._error is None:
            return
        state = self._state()
        if not PipelineState.is_terminal(state):
            raise JobOutOfSightError(
                f"lost sight of job {_name_of(self._result)} ({self._error}); look for it at the cluster"
            ) from self._error
        if state not in _ENDED_WELL:
            raise JobFailedError(str(self._error)) from self._error

    def _state(self) -> str:
        try:
            return self._result.state
        except Exception:  # whatever a cluster's client raises: the error of the wait is reported
            return PipelineState.UNKNOWN
