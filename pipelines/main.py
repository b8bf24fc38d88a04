"""The command ``tonearm``: the one place where a call becomes an exit code.

Imports are inside its functions: until a handler is set, Ctrl-C would end in a traceback.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from logging import LogRecord


def main() -> None:
    """Run the command that this process was started with, and exit with its code."""
    from tonearm.pipelines.commands.start_up import prepare_process

    prepare_process()
    try:
        sys.exit(run(sys.argv[1:]))
    finally:
        _flush()


def run(arguments: Sequence[str]) -> int:
    """Run a command and return its exit code; an unforeseen error is raised, and Python exits with 1."""
    import logging
    import warnings

    from tonearm.errors import EXIT_OK, StoppedError, TonearmError
    from tonearm.pipelines.commands.command_line import job_of
    from tonearm.pipelines.commands.start_up import require_folder
    from tonearm.pipelines.reports.printing import ShownFormatter, say
    from tonearm.pipelines.runs.thread_limit import require_threads

    handler = logging.StreamHandler()
    handler.setFormatter(ShownFormatter("%(levelname)s: %(message)s"))
    logging.basicConfig(level=logging.WARNING, handlers=[handler])
    # Our own error says what google-auth's warnings lead up to.
    logging.getLogger("google.auth").setLevel(logging.ERROR)
    # The libraries beside TensorFlow I/O are older: they warn of Python's age, and of a format not used here.
    logging.getLogger().addFilter(_is_of_use)
    warnings.filterwarnings("ignore", category=FutureWarning, module=r"google\.api_core")
    try:
        require_folder()
        require_threads()
        job_of(arguments)()
    except (TonearmError, StoppedError) as error:
        say(f"tonearm: {error}")
        return error.exit_code
    return EXIT_OK


def _is_of_use(record: LogRecord) -> bool:
    return record.module != "tfrecordio"


def _flush() -> None:
    """Write out what waits in the standard streams; Python would end with 120 where one cannot be written."""
    from tonearm.pipelines.reports.printing import give_up

    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except OSError:
            give_up(stream)
