"""What the process runs that reads manifests of Parquet, one after another, for one worker.

It is started, and confined, as a decoder process is; see ``audio/isolation/decoder_main.py``. Of each file it
tells the rows, some at a time, and at last an answer without rows.
"""

from __future__ import annotations

import io
import os
import socket
import sys
from collections.abc import Iterator

os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"  # the others reserve more than this process may take

import pyarrow as pa

from tonearm.transforms.audio.isolation.confinement import be_up, confine
from tonearm.transforms.audio.isolation.messages import Kind, receive_file, send
from tonearm.transforms.sources.manifests.contract import ManifestError, ManifestRow
from tonearm.transforms.sources.manifests.parquet import read_parquet
from tonearm.transforms.sources.manifests.parquet_process import MEMORY_BYTES, Told
from tonearm.transforms.spectrograms.isolation.file_of_worker import FileOfWorker
from tonearm.transforms.spectrograms.isolation.parts import send_parts

_BUFFER_BYTES = 1 << 16
_MOST_ROWS = 1000
_ENOUGH_CHARACTERS = 1 << 20
"""Rows are told when their texts are so long together."""


def main() -> None:
    """Serve requests until the worker closes the socket or dies."""
    confine(sys.argv, MEMORY_BYTES)
    be_up(sys.argv)
    with socket.socket(fileno=sys.stdin.fileno()) as connection:
        send(connection, Kind.READY)
        while handed_over := receive_file(connection):
            descriptor, _ = handed_over
            with socket.socket(fileno=descriptor) as reads:
                for told in _told_of(reads):
                    send_parts(connection, told)
    os._exit(0)


def _told_of(reads: socket.socket) -> Iterator[Told]:
    """The answers to a request; the last one has no rows."""
    try:
        with io.BufferedReader(FileOfWorker(reads), _BUFFER_BYTES) as file:
            for rows in _gathered(read_parquet(file, location="")):
                yield {"rows": rows}
        yield {"rows": []}
    except ManifestError as error:
        yield {"refused": str(error)}
    except MemoryError:
        yield {"unreadable": f"it takes more than {MEMORY_BYTES} bytes of memory; write smaller row groups"}
    except (OSError, ValueError, pa.ArrowException) as error:
        yield {"unreadable": str(error).partition("\n")[0]}


def _gathered(rows: Iterator[ManifestRow]) -> Iterator[list[tuple[dict[str, str], str]]]:
    """Rows as JSON can tell them, some at a time."""
    gathered: list[tuple[dict[str, str], str]] = []
    characters = 0
    for row in rows:
        gathered.append((dict(row.values), row.problem))
        characters += sum(map(len, row.values.values()))
        if len(gathered) == _MOST_ROWS or characters > _ENOUGH_CHARACTERS:
            yield gathered
            gathered, characters = [], 0
    if gathered:
        yield gathered


if __name__ == "__main__":
    main()
