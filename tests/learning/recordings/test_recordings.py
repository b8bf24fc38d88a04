"""Fingerprints: what was encoded again is found as the same recording, and nothing else is."""

from __future__ import annotations

from itertools import product
from pathlib import Path

import numpy as np
import pytest

from tests.learning.recordings.encoded_again import ENCODINGS, MUSIC, music
from tonearm.learning.recordings.fingerprint import RATE_HZ as FINGERPRINT_RATE_HZ
from tonearm.learning.recordings.fingerprint import Fingerprint, FingerprintBuilder
from tonearm.learning.recordings.matching import same_recordings
from tonearm.transforms.audio.isolation.isolated_reader import open_audio_isolated
from tonearm.transforms.elements.stage_times import StageTimes


def of_file(path: Path) -> Fingerprint:
    builder = FingerprintBuilder()
    with open_audio_isolated(path, FINGERPRINT_RATE_HZ, StageTimes()) as audio:
        for samples in audio.samples():
            builder.add(samples)
    found = builder.finish()
    assert found is not None
    return found


def of_signal(signal: np.ndarray, pieces: int = 1) -> Fingerprint | None:
    builder = FingerprintBuilder()
    for piece in np.array_split(signal.astype(np.float32), pieces):
        builder.add(piece)
    return builder.finish()


def of_music(name: str, folder: Path, encoding: str, **stretch: float) -> Fingerprint:
    return of_file(ENCODINGS[encoding](folder / f"{name}.{encoding}", music(name, **stretch)))


def test_what_was_encoded_again_is_the_same_recording(tmp_path: Path) -> None:
    pairs = {MUSIC[0]: ("mp3_32", "opus_24"), MUSIC[2]: ("aac_48", "mp3_softer_cut")}
    printed = [
        of_music(name, tmp_path, each, seconds=8.0) for name, encodings in pairs.items() for each in encodings
    ]
    assert same_recordings(printed) == [[0, 1], [2, 3]]


@pytest.mark.slow
def test_every_encoding_of_every_piece(tmp_path: Path) -> None:
    printed = [of_music(name, tmp_path, each, seconds=50.0) for name, each in product(MUSIC, ENCODINGS)]
    each = len(ENCODINGS)
    assert same_recordings(printed) == [
        list(range(first, first + each)) for first in range(0, len(printed), each)
    ]


def test_another_part_of_the_same_piece_is_another_recording(tmp_path: Path) -> None:
    parts = [of_music(MUSIC[0], tmp_path, "telephone", from_s=from_s, seconds=8.0) for from_s in (0.0, 20.0)]
    assert same_recordings(parts) == []


def test_played_a_little_slower_is_another_recording() -> None:
    signal = music(MUSIC[0], at_hz=FINGERPRINT_RATE_HZ).mean(axis=1)
    slower = np.interp(np.arange(0, len(signal) - 1, 0.97), np.arange(len(signal)), signal)
    first, second = of_signal(signal), of_signal(slower)
    assert first and second
    assert same_recordings([first, second]) == []


def test_noise_tones_clicks_and_silence_are_never_the_same() -> None:
    random = np.random.default_rng(7)
    time_s = np.arange(10 * FINGERPRINT_RATE_HZ) / FINGERPRINT_RATE_HZ
    signals = [0.1 * random.standard_normal(len(time_s)) for _ in range(3)]
    signals += [0.5 * np.sin(2 * np.pi * hz * time_s) for hz in (220.0, 440.0, 440.0)]
    signals += [np.zeros(len(time_s)), np.full(len(time_s), 0.5), np.zeros(10)]
    printed = [found for signal in signals if (found := of_signal(signal)) is not None]
    assert same_recordings(printed) == []
    assert of_signal(np.zeros(len(time_s))) is None


def test_a_fingerprint_does_not_depend_on_the_pieces() -> None:
    signal = music(MUSIC[3], seconds=6.0, at_hz=FINGERPRINT_RATE_HZ).mean(axis=1)
    once, often = of_signal(signal), of_signal(signal, pieces=1000)
    assert once and often
    assert once.packed == often.packed
    assert once.anchors.tolist() == often.anchors.tolist()


def test_many_recordings_are_not_compared_pair_by_pair(monkeypatch: pytest.MonkeyPatch) -> None:
    """A code that all have makes no n² votes, and copies are found though their code is crowded."""
    from tonearm.learning.recordings import matching

    random = np.random.default_rng(0)

    def made_up() -> Fingerprint:
        anchors = random.integers(0, 1 << 32, 100, np.uint32)
        anchors[0] = 12345
        return Fingerprint(2800, anchors, np.arange(0, 2800, 28, dtype=np.uint16), b"")

    copied = made_up()
    compared: list[int] = []

    def is_same(*_: object) -> bool:
        compared.append(1)
        return True

    monkeypatch.setattr(matching, "_is_same", is_same)
    assert same_recordings([copied, *(made_up() for _ in range(2000)), copied]) == [[0, 2001]]
    assert len(compared) == 1


def test_there_may_be_no_recordings() -> None:
    assert same_recordings([]) == []
