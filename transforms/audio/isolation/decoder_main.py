"""What the decoder process runs: it opens, decodes and resamples files, one after another, for one worker.

``python -m tonearm.transforms.audio.isolation.decoder_main PARENT_PID ERRORS CHOICE``, with a Unix socket as
standard input; ``decoder_process`` starts it. ``confinement`` tells of the first two; CHOICE says which
libraries decode (``DecoderChoice``). The module imports neither torch nor Beam, nor TensorFlow unless it is
asked for, and so starts in a third of a second.
"""

from __future__ import annotations

import os
import socket
import sys
from dataclasses import asdict

from tonearm.transforms.audio.decoders.tensorflow_io import audio_operations, is_stuck
from tonearm.transforms.audio.isolation.confinement import MEMORY_BYTES, be_up, confine
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

_TENSORFLOW_BYTES = 1 << 29
"""What TensorFlow may allocate besides: it takes 250 MB to start and as much again at work."""


def main() -> None:
    """Serve requests until the worker closes the socket or dies."""
    choice = DecoderChoice(sys.argv[3])
    with_tensorflow = choice is not DecoderChoice.FFMPEG_AND_LIBSNDFILE
    confine(sys.argv, MEMORY_BYTES + (_TENSORFLOW_BYTES if with_tensorflow else 0))
    if with_tensorflow:
        audio_operations()  # here, or the first track would wait for it
    be_up(sys.argv)
    with socket.socket(fileno=sys.stdin.fileno()) as connection:
        send(connection, Kind.READY)
        while handed_over := receive_file(connection):
            _serve(connection, *handed_over, choice)
    os._exit(0)  # its worker waits for the end, and to take the interpreter apart takes 50 ms


def _serve(connection: socket.socket, descriptor: int, rate_hz: int, choice: DecoderChoice) -> None:
    try:
        with failing_at(Stage.DECODE):
            _decode(connection, descriptor, rate_hz, choice)
    except TrackError as error:
        send(connection, Kind.FAILED, {**packed_error(error), "is_stuck": is_stuck()})


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
            "level_db": audio.level_db,
            "seconds": times.seconds,
            "is_stuck": is_stuck(),
        }
    send(connection, Kind.DONE, facts)


if __name__ == "__main__":
    main()
