"""What the process runs that reads files of spectrograms, one after another, for one worker.

It is started, and confined, as a decoder process is; see ``audio/isolation/decoder_main.py``.
"""

from __future__ import annotations

import io
import os
import socket
import sys

os.environ["ARROW_DEFAULT_MEMORY_POOL"] = "system"  # the others reserve more than this process may take

from tonearm.transforms.audio.isolation.confinement import MEMORY_BYTES, be_up, confine
from tonearm.transforms.audio.isolation.messages import Kind, packed_error, receive_file, send
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Stage, TrackError, failing_at
from tonearm.transforms.spectrograms.forms import form_of
from tonearm.transforms.spectrograms.isolation.answers import HEADINGS, send_headings, send_record
from tonearm.transforms.spectrograms.isolation.file_of_worker import FileOfWorker
from tonearm.transforms.spectrograms.read_errors import not_spectrogram, unreadable

_HEAD_BYTES = 16
_BUFFER_BYTES = 1 << 14


def main() -> None:
    """Serve requests until the worker closes the socket or dies."""
    confine(sys.argv)
    be_up(sys.argv)
    with socket.socket(fileno=sys.stdin.fileno()) as connection:
        send(connection, Kind.READY)
        while handed_over := receive_file(connection):
            _serve(connection, *handed_over)
    os._exit(0)


def _serve(connection: socket.socket, descriptor: int, asked: int) -> None:
    try:
        with failing_at(Stage.DECODE), socket.socket(fileno=descriptor) as reads:
            _answer(connection, reads, asked)
    except TrackError as error:
        send(connection, Kind.FAILED, packed_error(error))


def _answer(connection: socket.socket, reads: socket.socket, asked: int) -> None:
    file = io.BufferedReader(FileOfWorker(reads), _BUFFER_BYTES)
    form = form_of(file.read(_HEAD_BYTES))
    if form is None:
        raise unreadable("no file of the forms that spectrograms travel in")
    try:
        if asked == HEADINGS:
            if not form.may_hold_records(file):
                raise not_spectrogram(f"the {form.name} file has other keys")
            send_headings(connection, form.headings(file))
        else:
            send_record(connection, form.read(file, asked))
    except MemoryError as error:
        message = f"the file takes more than {MEMORY_BYTES} bytes of memory to read"
        raise TrackError(Stage.DECODE, ErrorWord.TOO_LARGE, message) from error


if __name__ == "__main__":
    main()
