"""A temporary folder for what Beam packs and stages while it submits a job, which it would leave behind."""

from __future__ import annotations

import atexit
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def own_temporary_folder() -> Iterator[None]:
    """Let temporary files go into a folder that is deleted when the process ends.

    It is not deleted before: Beam's job servers are stopped at the process's end, and clear up below it then.
    """
    folder, before = tempfile.mkdtemp(prefix="tonearm-"), tempfile.tempdir
    atexit.register(
        shutil.rmtree, folder, ignore_errors=True
    )  # the first to register is the last to be called
    tempfile.tempdir = folder
    try:
        yield
    finally:
        tempfile.tempdir = before
