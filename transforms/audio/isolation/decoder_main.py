"""What the decoder process runs: it opens, decodes and resamples files, one after another, for one worker.

``python -m tonearm.transforms.audio.isolation.decoder_main PARENT_PID CHOICE ERRORS``, with a Unix socket as
standard input; ``decoder_process`` starts it. CHOICE says which libraries decode (``DecoderChoice``), ERRORS
is the number of an open file that takes the place of standard error once the process is up: what it says
before is for the error of its worker. The module imports neither torch nor Beam, nor TensorFlow unless it is
asked for, and so starts in a third of a second.
"""

from __future__ import annotations

import ctypes
import os
import resource
import signal
import socket
import sys
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

from tonearm.transforms.audio.decoders import tensorflow_io
from tonearm.transforms.audio.isolation.messages import (
    Kind,
    gathered,
    packed_error,
    receive_file,
    send,
    send_samples,
)
from tonearm.transforms.audio.reader import open_audio_descriptor
from tonearm.transforms.audio.resampling import resampled
from tonearm.transforms.elements.decoder_choice import DecoderChoice
from tonearm.transforms.elements.failure import Stage, TrackError, failing_at
from tonearm.transforms.elements.stage_times import StageTimes

MEMORY_BYTES = 1 << 30
"""What the process may allocate. It takes 80 MB; files with huge tables or pictures need a few hundred."""

_TENSORFLOW_BYTES = 1 << 29
"""The same for TensorFlow, which takes 250 MB to start and as much again at work."""

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Serve requests until the worker closes the socket or dies."""
    parent, choice = int(sys.argv[1]), DecoderChoice(sys.argv[2])
    _end_with_parent(parent)
    _set_limits(choice)
    _set_signals()
    if choice is not DecoderChoice.FFMPEG_AND_LIBSNDFILE:
        tensorflow_io.audio_operations()  # here, or the first track would wait for it
    _set_standard_error(int(sys.argv[3]))
    with socket.socket(fileno=sys.stdin.fileno()) as connection:
        send(connection, Kind.READY)
        while handed_over := receive_file(connection):
            _serve(connection, *handed_over, choice)
    os._exit(0)  # its worker waits for the end, and to take the interpreter apart takes 50 ms


def _end_with_parent(parent: int) -> None:
    """Be killed when the parent ends, however it ends and whatever a codec is doing then."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it ended before we could ask
        sys.exit()


def _set_limits(choice: DecoderChoice) -> None:
    """Bound what a malicious file can take: memory, and the disk that a core dump would fill."""
    with_tensorflow = choice is not DecoderChoice.FFMPEG_AND_LIBSNDFILE
    memory_bytes = MEMORY_BYTES + (_TENSORFLOW_BYTES if with_tensorflow else 0)
    resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    with suppress(OSError):  # where memory runs out, this process shall go and not the worker
        Path("/proc/self/oom_score_adj").write_text("1000")


def _set_signals() -> None:
    """Leave it to the worker when to stop: it finishes its tracks after a Ctrl-C or a SIGTERM to all."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_DFL)  # nobody wants the rest: no reason for a traceback


def _set_standard_error(descriptor: int) -> None:
    os.dup2(descriptor, sys.stderr.fileno())
    os.close(descriptor)


def _serve(connection: socket.socket, descriptor: int, rate_hz: int, choice: DecoderChoice) -> None:
    try:
        with failing_at(Stage.DECODE):
            _decode(connection, descriptor, rate_hz, choice)
    except TrackError as error:
        send(connection, Kind.FAILED, {**packed_error(error), "is_worn": tensorflow_io.is_stuck()})


def _decode(connection: socket.socket, descriptor: int, rate_hz: int, choice: DecoderChoice) -> None:
    times = StageTimes()
    with times.measure("decode"):
        audio = open_audio_descriptor(descriptor, choice)
    with audio:
        send(connection, Kind.OPENED, asdict(audio.info))
        decoded = times.measure_each("decode", audio.blocks())
        at_wanted_rate = resampled(decoded, rate_hz)
        for samples in gathered(times.measure_each("resample", at_wanted_rate)):
            send_samples(connection, samples)
        facts = {
            "decoded_s": audio.decoded_s,
            "truncated": audio.truncated,
            "downmix_loss_db": audio.downmix_loss_db,
            "seconds": times.seconds,
            "is_worn": tensorflow_io.is_stuck(),
        }
    send(connection, Kind.DONE, facts)


if __name__ == "__main__":
    main()
