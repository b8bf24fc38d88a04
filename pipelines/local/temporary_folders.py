"""Keeps Beam from making a folder for every pipeline, of which a run on this machine makes many."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

import apache_beam as beam


@contextmanager
def without_temporary_folders() -> Iterator[None]:
    """Let pipelines have none for as long as the block lasts: a kill would leave them behind.

    They are meant for transforms in other languages, and there are none.
    """
    before = beam.pipeline.tempfile
    beam.pipeline.tempfile = SimpleNamespace(mkdtemp=lambda prefix: f"{os.devnull}/{prefix}")
    try:
        yield
    finally:
        beam.pipeline.tempfile = before
