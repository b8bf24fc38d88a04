"""A file that a worker holds open, as it is read by a process that has nothing but a socket.

The process asks for bytes, the worker reads them where they lie: on a disk or, by range requests, in a store.
So the process that reads hostile bytes needs no credentials, and of a large file only what is wanted is
fetched. The worker tells the file's size first. A request is where to begin and how many bytes; the answer is
how many come, and the bytes.
"""

from __future__ import annotations

import io
import socket
import struct
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import BinaryIO

_SIZE = struct.Struct("<Q")
_REQUEST = struct.Struct("<QQ")
_MOST_BYTES = 8 << 20
"""Bytes of one answer at most."""


def answer_reads(file: BinaryIO, connection: socket.socket) -> None:
    """Answer requests for a file's bytes until the other side closes the connection.

    Raises:
        StorageError: The store refuses or fails.
        OSError: The file cannot be read, or the other side is gone.
    """
    connection.sendall(_SIZE.pack(file.seek(0, io.SEEK_END)))
    while request := _received(connection, _REQUEST.size):
        begin, length = _REQUEST.unpack(request)
        file.seek(begin)
        content = file.read(min(length, _MOST_BYTES))
        connection.sendall(_SIZE.pack(len(content)))
        connection.sendall(content)


@contextmanager
def served(file: BinaryIO) -> Iterator[socket.socket]:
    """A socket by which a process reads the file, for as long as the block lasts.

    Raises:
        StorageError: The store refused or failed; whatever the process then said is not to blame.
        OSError: The file could not be read.
    """
    ours, theirs = socket.socketpair()
    for each in (ours, theirs):
        each.setblocking(True)  # Beam's cloud clients set a default timeout for all sockets of the program
    failed: list[Exception] = []

    def serve() -> None:
        try:
            answer_reads(file, ours)
        except ConnectionError:
            pass  # the process is done, or dead
        except Exception as error:
            failed.append(error)
        finally:
            ours.close()

    thread = threading.Thread(target=serve, name="reads of a process", daemon=True)
    thread.start()
    try:
        yield theirs
    finally:
        theirs.close()
        with suppress(OSError):  # closed by the thread, as the process has closed its side
            ours.shutdown(socket.SHUT_RDWR)
        thread.join()
        if failed:  # what the process then said of the file is not to blame
            raise failed[0]


class FileOfWorker(io.RawIOBase):
    """The file, on the side that asks.

    Args:
        connection: The socket, on whose other side :func:`answer_reads` is.
    """

    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._place = 0
        self._size = self._told_size()

    def readable(self) -> bool:
        """See :class:`io.RawIOBase`."""
        return True

    def seekable(self) -> bool:
        """See :class:`io.RawIOBase`."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """See :class:`io.RawIOBase`."""
        starts = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}
        self._place = min(max(0, starts[whence] + offset), self._size)
        return self._place

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        """See :class:`io.RawIOBase`."""
        wanted = min(len(buffer), self._size - self._place)
        if not wanted:
            return 0
        self._connection.sendall(_REQUEST.pack(self._place, wanted))
        content = _received(self._connection, self._told_size())
        buffer[: len(content)] = content
        self._place += len(content)
        return len(content)

    def _told_size(self) -> int:
        (size,) = _SIZE.unpack(_received(self._connection, _SIZE.size) or bytes(_SIZE.size))
        return int(size)


def _received(connection: socket.socket, length: int) -> bytearray:
    """So many bytes; none if the other side has closed the connection.

    Raises:
        OSError: It was closed in the middle.
    """
    content = bytearray(length)
    left = memoryview(content)
    while left:
        count = connection.recv_into(left)
        if not count and len(left) == length:
            return bytearray()
        if not count:
            raise ConnectionError("closed in the middle of an answer")
        left = left[count:]
    return content
