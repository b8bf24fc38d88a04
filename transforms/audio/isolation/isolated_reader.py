"""Decoding in a process of its own: a file that kills or hangs a codec library costs that track alone.

Codec libraries are large C programs, and a catalog holds what the world sent. In the worker's own process a
crash would end the run, and a hang could not be ended at all. So each thread that decodes borrows a process,
which decodes and resamples file after file, and another one after a file that killed it. They are kept for
the next run, as the engine is; they end with the program::

    worker thread ── rate, open file ──►  decoder process: decode, resample
      mel, network ◄── samples, facts ──

The price (benchmarks/front_end.py): 0.1 to 0.3 s of start-up for each thread, and on a busy two-core machine
0.1 processor seconds for an hour of audio, 2 % of the front end; with single formats up to 0.3, 7 %. So there
is no option to do without it. Samples cross in a Unix socket: 1.5 ms for a minute of audio,
which takes some 65 in all; shared memory would save 0.3 of them. What costs more is that two processes take
turns on a core, each with its cache full of the other's data: hence few and long messages. (Measured with
messages half as long as now.)
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from tonearm.transforms.audio.decoders.decoder import AudioInfo
from tonearm.transforms.audio.decoders.downmix import Samples
from tonearm.transforms.audio.isolation.decoder_process import DecoderProcess, timeout_error
from tonearm.transforms.audio.isolation.messages import Kind, Message, ProtocolError, unpacked_error
from tonearm.transforms.audio.isolation.process_pool import ProcessPool, pool_of
from tonearm.transforms.audio.regular_file import open_regular_file
from tonearm.transforms.elements.decoder_choice import DecoderChoice
from tonearm.transforms.elements.failure import TrackError
from tonearm.transforms.elements.stage_times import StageTimes

STALL_LIMIT_S = 60.0
"""A decoder that sends nothing for so long hangs; a block takes some milliseconds."""

_DECODER_MAIN = "tonearm.transforms.audio.isolation.decoder_main"

TRACK_LIMIT_S = 1800.0
"""Enough for a day of music on a busy core; a small file can decode to weeks of silence, block by block."""


@contextmanager
def open_audio_isolated(
    path: str | Path,
    rate_hz: int,
    times: StageTimes,
    choice: DecoderChoice = DecoderChoice.FFMPEG_AND_LIBSNDFILE,
    *,
    stall_limit_s: float = STALL_LIMIT_S,
) -> Iterator[IsolatedReader]:
    """Open an audio file in a decoder process; the path may be ``/proc/self/fd/N``.

    Args:
        path: A local file.
        rate_hz: The rate that samples are wanted at.
        times: Where the process's ``decode`` and ``resample`` times are added; waiting for it is told apart
            as ``decode_wait``, since both sides work at once.
        choice: Which libraries decode.
        stall_limit_s: Seconds without a sign from the process after which it is killed.

    Yields:
        The open file.

    Raises:
        TrackError: As :func:`open_audio`; ``decode_timeout`` if it takes too long;
            ``decoder_died`` if the process did, retriable only if it was killed from outside, or could not
            be started beside others that are up.
        MachineError: No process can be started, and none is up.
    """
    pool = _pool(choice)
    descriptor = open_regular_file(path)
    try:
        process = pool.borrow()
        reader = IsolatedReader(process, times, stall_limit_s)
        try:
            reader.open(descriptor, rate_hz)
            yield reader
        finally:
            pool.give_back(process, at_rest=reader.at_rest)
    finally:
        os.close(descriptor)


def start_decoders(count: int, choice: DecoderChoice = DecoderChoice.FFMPEG_AND_LIBSNDFILE) -> None:
    """Start processes until there are so many, at rest or in use; returns before the new ones are up."""
    _pool(choice).start(count)


def require_decoder(choice: DecoderChoice) -> None:
    """Wait until a process is up, so that none of the tracks to come is blamed for a machine without any.

    Raises:
        MachineError: None can be started.
    """
    with suppress(TrackError):  # another one is up
        _pool(choice).give_back(_pool(choice).borrow(), at_rest=True)


def close_decoders() -> None:
    """End the processes that are not in use, before the program does; a later track starts one again."""
    for choice in DecoderChoice:
        _pool(choice).close()


class IsolatedReader:
    """An audio file that is open in a decoder process; as ``AudioReader``, at the one rate that is wanted.

    Attributes:
        info: What the file says about itself.
        decoded_s: After the last piece: length of what was decoded, in seconds.
        truncated: After the last piece: True if less was heard than the file promises.
        downmix_loss_db: After the last piece: level lost by mixing to mono; None for silence.
        level_db: After the last piece: RMS level in dB of full scale; None for silence.
        at_rest: True once the process waits for another file; never if a library hangs in it.
    """

    info: AudioInfo

    def __init__(self, process: DecoderProcess, times: StageTimes, stall_limit_s: float) -> None:
        self._process = process
        self._times = times
        self._stall_limit_s = stall_limit_s
        self._deadline = time.monotonic() + TRACK_LIMIT_S
        self.decoded_s = 0.0
        self.truncated = False
        self.downmix_loss_db: float | None = None
        self.level_db: float | None = None
        self.at_rest = False

    def open(self, descriptor: int, rate_hz: int) -> None:
        """Hand the file over and learn what it is."""
        with self._times.measure("decode_wait"):
            self._process.decode(descriptor, rate_hz)
        _, content = self._next(Kind.OPENED)
        self.info = AudioInfo(**content)

    def samples(self) -> Iterator[Samples]:
        """Yield the signal in pieces of bounded size: float32 mono ``[samples]`` at the wanted rate.

        Raises:
            TrackError: See :func:`open_audio_isolated`.
        """
        while True:
            kind, content = self._next(Kind.SAMPLES, Kind.DONE)
            if kind is Kind.DONE:
                break
            yield content
        self.at_rest = not content["is_stuck"]
        self.decoded_s, self.truncated = content["decoded_s"], content["truncated"]
        self.downmix_loss_db, self.level_db = content["downmix_loss_db"], content["level_db"]
        for stage, seconds in content["seconds"].items():
            self._times.seconds[stage] += seconds

    def _next(self, *expected: Kind) -> Message:
        with self._times.measure("decode_wait"):
            kind, content = self._process.receive(self._stall_limit_s)
        if kind is Kind.FAILED:
            self.at_rest = not content["is_stuck"]
            raise unpacked_error(content)
        if kind not in expected:
            raise ProtocolError(f"{kind.name} came out of turn")
        if time.monotonic() > self._deadline:
            raise timeout_error(f"still decoding after {TRACK_LIMIT_S / 60:.0f} minutes")
        return kind, content


def _pool(choice: DecoderChoice) -> ProcessPool:
    return pool_of((_DECODER_MAIN, choice))
