"""The message for a run that broke off: what happened, what is kept, and what the same command would do."""

from __future__ import annotations

import logging
import os
from typing import TYPE_CHECKING

from tonearm.errors import TonearmError
from tonearm.transforms.elements.failure import TrackError
from tonearm.transforms.storage.contract import StorageError

if TYPE_CHECKING:
    from tonearm.pipelines.runs.order import IngestOrder

_NO_THREAD = "can't start new thread"
"""Python's words where the system refuses a thread; the error has no type of its own."""

_logger = logging.getLogger(__name__)


class RunBrokenError(TonearmError):
    """The run broke off; the message tells what stays of it."""


def bad_end(error: Exception, stays: str) -> TonearmError:
    """What to tell of an error that ended a run.

    An error of ours says what to do, and is passed on as it is. One of this machine or of a store becomes one
    line. Of all others the traceback is logged.

    Args:
        error: What ended it.
        stays: What there is of the run, and what the same command would do.
    """
    first = _raised_first(error)
    match first:
        case StorageError() | TrackError():
            happened = first.message
        case TonearmError():
            return first
        case OSError() if first.errno:
            happened = os.strerror(first.errno) + (f": {first.filename}" if first.filename else "")
        case RuntimeError() if str(first) == _NO_THREAD:
            happened = "the system allows no more threads: look at `ulimit -u`, or at a container's limit"
        case _:
            _logger.error("the run broke off", exc_info=first)
            happened = f"{type(first).__name__}, see above"
    return RunBrokenError(f"the run broke off ({happened}). {stays}")


def _raised_first(error: BaseException) -> BaseException:
    """What a step raised; Beam hands it on as another error, which has it for its context."""
    while getattr(error, "_tagged_with_step", False) and error.__context__:
        error = error.__context__
    return error


def what_stays(order: IngestOrder) -> str:
    """What there is of a run that broke off, and what the same command would do.

    Tracks in work are in no table.
    """
    if not order.beam.is_local:
        return "The cluster may go on with the job: look there before you start another one"
    if order.retag:
        asked = "--remake" if order.spectrograms else "--retag"
        return f"What is committed stays in the tables; the same command works all again, as {asked} asks"
    return "What is committed stays in the tables; once the cause is mended, the same command works the rest"
