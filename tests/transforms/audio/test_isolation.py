"""Decoding in processes of their own: same samples, and what happens when one crashes or hangs."""

from __future__ import annotations

import gc
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import psutil
import pytest
import soundfile as sf

from tests.audio_files import RECIPES, sweep, write_audio
from tonearm.models.front_end import FrontEnd
from tonearm.transforms.audio.isolation import isolated_reader
from tonearm.transforms.audio.isolation.isolated_reader import (
    close_decoders,
    open_audio_isolated,
    start_decoders,
)
from tonearm.transforms.audio.isolation.messages import Kind, receive_file, send
from tonearm.transforms.audio.reader import open_audio
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Stage, TrackError
from tonearm.transforms.elements.settings import AnalysisSettings
from tonearm.transforms.elements.stage_times import StageTimes
from tonearm.transforms.elements.track import Track
from tonearm.transforms.features.prepare import prepare_track
from tonearm.transforms.storage.local import LocalStorage

RATE_HZ = 16000
LONG_S = 1200


@pytest.fixture(autouse=True)
def no_process_is_left() -> Iterator[None]:
    close_decoders()
    yield
    close_decoders()
    assert decoders() == []


@pytest.fixture(scope="module")
def long_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Too long to lie in the socket whole: the process is still at work when the first block arrives."""
    path = tmp_path_factory.mktemp("long") / "long.flac"
    sf.write(path, np.zeros(LONG_S * RATE_HZ, np.int16), RATE_HZ)
    return path


@pytest.fixture
def short_file(tmp_path: Path) -> Path:
    return write_audio(tmp_path / "short.flac", "flac", sweep(2))


def decoders() -> list[psutil.Process]:
    """The children of this process that decode, zombies included."""
    children = psutil.Process().children()
    return [child for child in children if child.status() == psutil.STATUS_ZOMBIE or is_decoder(child)]


def is_decoder(process: psutil.Process) -> bool:
    return "tonearm.transforms.audio.isolation.decoder_main" in process.cmdline()


def decode_isolated_whole(path: Path, **options: float) -> np.ndarray:
    with open_audio_isolated(path, RATE_HZ, StageTimes(), **options) as audio:
        return np.concatenate(list(audio.samples()))


def wait_until(condition: Callable[[], bool], limit_s: float = 20) -> None:
    deadline = time.monotonic() + limit_s
    while not condition():
        assert time.monotonic() < deadline, "it does not come true"
        time.sleep(0.02)


def strike_in_mid_decode(path: Path, strike: signal.Signals, stall_limit_s: float = 60) -> TrackError:
    """Decode a long file, send a signal to its process after the first block, and return the failure."""
    with (
        pytest.raises(TrackError) as failure,
        open_audio_isolated(path, RATE_HZ, StageTimes(), stall_limit_s=stall_limit_s) as audio,
    ):
        blocks = audio.samples()
        next(blocks)
        (process,) = decoders()
        process.send_signal(strike)
        for _ in blocks:
            pass
    return failure.value


@pytest.mark.parametrize("kind", RECIPES)
def test_the_samples_and_facts_are_those_of_decoding_in_process(kind: str, tmp_path: Path) -> None:
    rate_hz = (RECIPES[kind].rates_hz or (44100,))[-1]
    path = write_audio(tmp_path / kind, kind, sweep(3, rate_hz=rate_hz), rate_hz=rate_hz)
    with open_audio(path) as audio:
        expected = np.concatenate(list(audio.samples(RATE_HZ)))
    with open_audio_isolated(path, RATE_HZ, StageTimes()) as isolated:
        samples = np.concatenate(list(isolated.samples()))
    assert np.array_equal(samples, expected)
    assert samples.dtype == np.float32
    assert isolated.info == audio.info
    facts = ("decoded_s", "truncated", "downmix_loss_db", "level_db")
    assert [getattr(isolated, fact) for fact in facts] == [getattr(audio, fact) for fact in facts]


def test_large_blocks_cross_in_pieces(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "slow", "wav_16", sweep(60, rate_hz=8000, channels=1), rate_hz=8000)
    with open_audio(path) as audio:
        expected = np.concatenate(list(audio.samples(48000)))
    with open_audio_isolated(path, 48000, StageTimes()) as isolated:
        samples = np.concatenate(list(isolated.samples()))
    assert np.array_equal(samples, expected)


def test_times_are_measured_where_the_work_is_done(long_file: Path) -> None:
    times = StageTimes()
    with open_audio_isolated(long_file, 8000, times) as audio:
        for _ in audio.samples():
            pass
    assert times.seconds["decode"] > 0
    assert times.seconds["resample"] > 0


def test_an_error_crosses_whole(tmp_path: Path) -> None:
    path = tmp_path / "noise.mp3"
    path.write_bytes(bytes(range(256)) * 64)
    with pytest.raises(TrackError) as in_process:
        open_audio(path)
    with pytest.raises(TrackError) as isolated:
        decode_isolated_whole(path)
    assert isolated.value.__reduce__() == in_process.value.__reduce__()


def test_a_file_that_is_not_there_is_told_as_in_process(tmp_path: Path) -> None:
    with pytest.raises(TrackError) as failure:
        decode_isolated_whole(tmp_path / "gone.mp3")
    assert failure.value.error is ErrorWord.NOT_FOUND


def test_a_bad_file_does_not_cost_the_process(short_file: Path, tmp_path: Path) -> None:
    decode_isolated_whole(short_file)
    (before,) = decoders()
    (tmp_path / "empty").touch()
    with pytest.raises(TrackError):
        decode_isolated_whole(tmp_path / "empty")
    decode_isolated_whole(short_file)
    assert decoders() == [before]


def test_a_file_without_a_name_is_decoded(short_file: Path) -> None:
    with short_file.open("rb") as file:
        short_file.unlink()
        assert len(decode_isolated_whole(Path(f"/proc/self/fd/{file.fileno()}"))) == 2 * RATE_HZ


@pytest.mark.parametrize("strike", [signal.SIGSEGV, signal.SIGABRT])
def test_a_crash_fails_the_track_and_not_the_next(
    strike: signal.Signals, long_file: Path, short_file: Path
) -> None:
    failure = strike_in_mid_decode(long_file, strike)
    assert (failure.stage, failure.error) == (Stage.DECODE, ErrorWord.DECODER_DIED)
    assert strike.name in failure.message
    assert not failure.retriable
    assert len(decode_isolated_whole(short_file)) == 2 * RATE_HZ


def test_a_process_killed_from_outside_may_be_tried_again(long_file: Path) -> None:
    failure = strike_in_mid_decode(long_file, signal.SIGKILL)
    assert failure.error is ErrorWord.DECODER_DIED
    assert failure.retriable


def test_a_hang_ends_after_the_limit(long_file: Path, short_file: Path) -> None:
    begun = time.monotonic()
    failure = strike_in_mid_decode(long_file, signal.SIGSTOP, stall_limit_s=0.5)
    assert time.monotonic() - begun < 30
    assert (failure.stage, failure.error) == (Stage.DECODE, ErrorWord.DECODE_TIMEOUT)
    assert not failure.retriable
    assert decoders() == []
    assert len(decode_isolated_whole(short_file)) == 2 * RATE_HZ


def test_endless_sound_ends_after_the_limit(long_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(isolated_reader, "TRACK_LIMIT_S", 0.0)
    with pytest.raises(TrackError) as failure:
        decode_isolated_whole(long_file)
    assert failure.value.error is ErrorWord.DECODE_TIMEOUT


@pytest.mark.slow
def test_a_slow_worker_is_no_hang_of_the_decoder(long_file: Path) -> None:
    with open_audio_isolated(long_file, RATE_HZ, StageTimes(), stall_limit_s=5) as audio:
        blocks = audio.samples()
        samples = len(next(blocks))
        time.sleep(6)
        samples += sum(len(block) for block in blocks)
    assert samples == LONG_S * RATE_HZ


def test_a_process_that_died_at_rest_is_replaced(short_file: Path) -> None:
    decode_isolated_whole(short_file)
    (process,) = decoders()
    process.kill()
    wait_until(lambda: process.status() == psutil.STATUS_ZOMBIE)
    assert len(decode_isolated_whole(short_file)) == 2 * RATE_HZ
    assert process not in decoders()


def test_leaving_a_file_early_ends_its_process(long_file: Path) -> None:
    with open_audio_isolated(long_file, RATE_HZ, StageTimes()) as audio:
        next(audio.samples())
    assert decoders() == []


def test_memory_is_limited(short_file: Path) -> None:
    decode_isolated_whole(short_file)
    (process,) = decoders()
    limits = Path(f"/proc/{process.pid}/limits").read_text()
    assert f"Max data size             {1 << 30} " in limits


def test_the_process_knows_no_secrets(short_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "planted")
    decode_isolated_whole(short_file)
    (process,) = decoders()
    assert "planted" not in process.environ().values()
    assert str(short_file) not in process.cmdline()


def test_signals_to_all_are_left_to_the_worker(long_file: Path) -> None:
    with open_audio_isolated(long_file, RATE_HZ, StageTimes()) as audio:
        blocks = audio.samples()
        samples = len(next(blocks))
        (process,) = decoders()
        process.send_signal(signal.SIGTERM)
        process.send_signal(signal.SIGINT)
        samples += sum(len(block) for block in blocks)
    assert samples == LONG_S * RATE_HZ


def test_processes_outlive_the_threads_that_borrowed_them(short_file: Path) -> None:
    def in_thread() -> None:
        thread = threading.Thread(target=decode_isolated_whole, args=(short_file,))
        thread.start()
        thread.join()

    in_thread()
    before = decoders()
    time.sleep(0.2)
    in_thread()
    assert len(before) == 1
    assert decoders() == before


def test_threads_decode_at_the_same_time(long_file: Path) -> None:
    with (
        open_audio_isolated(long_file, RATE_HZ, StageTimes()) as one,
        open_audio_isolated(long_file, 8000, StageTimes()) as other,
    ):
        assert sum(len(block) for block in one.samples()) == LONG_S * RATE_HZ
        assert sum(len(block) for block in other.samples()) == LONG_S * 8000


def test_processes_are_started_ahead_and_no_more_than_are_wanted(short_file: Path, long_file: Path) -> None:
    start_decoders(1)
    ahead = decoders()
    assert len(ahead) == 1
    with open_audio_isolated(long_file, RATE_HZ, StageTimes()) as audio:
        for _ in audio.samples():
            start_decoders(1)
    assert decoders() == ahead
    start_decoders(2)
    wait_until(lambda: len(decoders()) == 2)  # one that just begins has no arguments yet
    decode_isolated_whole(short_file)
    assert len(decoders()) == 2


def test_a_place_is_free_again_after_a_crash(long_file: Path) -> None:
    strike_in_mid_decode(long_file, signal.SIGSEGV)
    start_decoders(1)
    assert len(decoders()) == 1


@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGTERM])
@pytest.mark.parametrize("stopped", [False, True])
def test_no_process_outlives_its_parent(signum: signal.Signals, stopped: bool, long_file: Path) -> None:
    """Neither one that decodes nor one that hangs."""
    program = (
        "import sys, time\n"
        "from tonearm.transforms.audio.isolation.isolated_reader import open_audio_isolated\n"
        "from tonearm.transforms.elements.stage_times import StageTimes\n"
        f"with open_audio_isolated(sys.argv[1], {RATE_HZ}, StageTimes()) as audio:\n"
        "    next(audio.samples())\n"
        "    print('decoding', flush=True)\n"
        "    time.sleep(600)\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program, str(long_file)], stdout=subprocess.PIPE, cwd=Path(__file__).parents[3]
    ) as parent:
        assert parent.stdout and parent.stdout.readline() == b"decoding\n"
        (process,) = filter(is_decoder, psutil.Process(parent.pid).children())
        if stopped:
            process.send_signal(signal.SIGSTOP)
        parent.send_signal(signum)
        parent.wait(20)
    wait_until(lambda: not process.is_running() or process.status() == psutil.STATUS_ZOMBIE)


def test_nothing_leaks_over_fifty_tracks(short_file: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").touch()

    def round_of_tracks() -> None:
        decode_isolated_whole(short_file)
        with pytest.raises(TrackError):
            decode_isolated_whole(tmp_path / "empty")

    round_of_tracks()
    (process,) = decoders()
    gc.collect()
    ours, theirs = psutil.Process().num_fds(), process.num_fds()
    for _ in range(25):
        round_of_tracks()
    gc.collect()
    assert decoders() == [process]
    assert psutil.Process().num_fds() == ours
    assert process.num_fds() == theirs


def test_a_forked_program_starts_its_own(short_file: Path) -> None:
    decode_isolated_whole(short_file)
    (ours,) = decoders()
    pid = os.fork()
    if not pid:
        try:
            good = len(decode_isolated_whole(short_file)) == 2 * RATE_HZ
            (theirs,) = decoders()
            os._exit(0 if good and theirs.pid != ours.pid else 1)
        finally:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert decoders() == [ours]
    decode_isolated_whole(short_file)
    assert decoders() == [ours]


def test_a_track_is_prepared(tmp_path: Path) -> None:
    path = write_audio(tmp_path / "track.ogg", "vorbis", sweep(10))
    found = LocalStorage().look_up(str(path))
    times = StageTimes()
    track = Track("1", found.uri, found.generation, found.size_bytes)
    prepared = prepare_track(track, AnalysisSettings(), FrontEnd(), times)
    assert prepared.facts.codec == "vorbis"
    assert prepared.facts.decoded_s == pytest.approx(10)
    assert len(prepared.spectrogram.patches) == 3
    assert {"fetch", "decode", "resample", "mel"} <= set(times.seconds)


def test_a_process_that_was_never_asked_ends_without_a_word() -> None:
    """Its worker closes the socket without having read that it is ready: the system calls that a reset."""
    worker, process = socket.socketpair()
    with process:
        send(process, Kind.READY)
        worker.close()
        assert receive_file(process) is None
