"""Manifests of Parquet, read in a process of its own: one that was made to do harm is refused, no more.

A file of a few kilobytes can unpack to gigabytes, and pyarrow can be made to end its process. The process has
no credentials: it asks the worker for the bytes that it wants, as one does that reads spectrograms.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import BinaryIO, TypedDict

from tonearm.transforms.audio.isolation.messages import ProtocolError
from tonearm.transforms.audio.isolation.process_pool import pool_of
from tonearm.transforms.elements.failure import TrackError
from tonearm.transforms.sources.manifests.contract import ManifestError, ManifestRow
from tonearm.transforms.spectrograms.isolation.file_of_worker import served
from tonearm.transforms.spectrograms.isolation.parts import received_parts

MEMORY_BYTES = 2 << 30
"""What the process may allocate: a row group of a million rows of eight columns takes 370 MB."""

_PROGRAM = ("tonearm.transforms.sources.manifests.parquet_main",)
_MOST_ANSWER_BYTES = 256 << 20
"""Bytes of an answer at most, which is some megabytes unless one row is larger than that."""

_STALL_LIMIT_S = 600.0
"""A process that sends nothing for so long hangs; it may have to wait for a whole column from a store."""


class Told(TypedDict, total=False):
    """An answer of the process: one of these.

    Attributes:
        rows: Values and problem of each row; none when there are no more.
        refused: Why the manifest as a whole cannot be used, as it is said after its location.
        unreadable: What was wrong with the file.
    """

    rows: list[tuple[dict[str, str], str]]
    refused: str
    unreadable: str


def read_parquet_isolated(file: BinaryIO, location: str) -> Iterator[ManifestRow]:
    """Rows of a manifest, as :func:`parquet.read_parquet` reads them.

    Raises:
        ManifestError: A required column is missing.
        ValueError: It is no Parquet file, or a damaged one, or one that takes too much to read.
        StorageError: What reading the file raised.
    """
    pool = pool_of(_PROGRAM)
    process = pool.borrow()
    at_rest = False
    try:
        with served(file) as reads:
            process.decode(reads.fileno(), 0)
            while rows := _rows_in(received_parts(process, _MOST_ANSWER_BYTES, _STALL_LIMIT_S), location):
                yield from rows
            at_rest = True
    except (TrackError, ProtocolError) as error:
        raise ValueError(f"the process that reads it did not get through it ({error})") from error
    finally:
        pool.give_back(process, at_rest=at_rest)


def _rows_in(answer: list[bytes] | TrackError, location: str) -> list[ManifestRow]:
    if isinstance(answer, TrackError):
        raise answer
    (text,) = answer
    told: Told = json.loads(text)
    if "refused" in told:
        raise ManifestError(f"{location}{told['refused']}")
    if "unreadable" in told:
        raise ValueError(told["unreadable"])
    return [ManifestRow(values, problem) for values, problem in told["rows"]]
