"""From a track to its patches: whatever goes wrong is this track's failure, by its word."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import apache_beam as beam
import pytest
import torch

from tests.catalog import write_song
from tonearm.models.front_end import FrontEnd
from tonearm.transforms.audio.isolation.isolated_reader import IsolatedReader
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Failure, Stage
from tonearm.transforms.elements.input_kind import InputKind
from tonearm.transforms.elements.settings import AnalysisSettings
from tonearm.transforms.features import prepare
from tonearm.transforms.features.prepare import PrepareTracks, prepare_track
from tonearm.transforms.features.prepared import PreparedTrack
from tonearm.transforms.sources.listing import arrivals_at

_WAYS = {InputKind.AUDIO: prepare_track}


def prepared(path: Path, settings: AnalysisSettings | None = None) -> PreparedTrack | Failure | None:
    """What becomes of one file that a listing came upon; None if it is passed over."""
    (announced,) = arrivals_at(str(path))
    results = list(PrepareTracks(settings or AnalysisSettings(), FrontEnd(), _WAYS).process(announced))
    if not results:
        return None
    (result,) = results
    return result.value if isinstance(result, beam.pvalue.TaggedOutput) else result


def word_of(path: Path, settings: AnalysisSettings | None = None) -> tuple[Stage, ErrorWord]:
    failure = prepared(path, settings)
    assert isinstance(failure, Failure)
    return failure.stage, failure.error


def test_a_worker_keeps_pytorch_to_one_core() -> None:
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        PrepareTracks(AnalysisSettings(), FrontEnd(), _WAYS).setup()
        assert torch.get_num_threads() == 1
    finally:
        torch.set_num_threads(before)


def test_a_track_comes_with_its_facts(tmp_path: Path) -> None:
    result = prepared(write_song(tmp_path / "song.flac", seconds=7.0))
    assert isinstance(result, PreparedTrack)
    assert result.spectrogram.patches.shape == (2, 187, 96)
    assert (result.facts.codec, result.facts.sample_rate_hz, result.facts.channels) == ("flac", 44100, 2)
    assert result.facts.decoded_s == pytest.approx(7.0)


def test_a_file_that_is_no_audio_and_claims_to_be_none_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "cover.jpg").write_bytes(b"\xff\xd8\xff a picture")
    (tmp_path / "nothing").write_bytes(b"")
    assert prepared(tmp_path / "cover.jpg") is None
    assert prepared(tmp_path / "nothing") is None


def test_each_stage_fails_by_its_word(tmp_path: Path) -> None:
    song = write_song(tmp_path / "song.flac")
    assert word_of(song, AnalysisSettings(max_track_bytes=10)) == (Stage.FETCH, ErrorWord.TOO_LARGE)
    assert word_of(write_song(tmp_path / "blip.wav", "wav_16", seconds=0.1)) == (
        Stage.SPECTROGRAM,
        ErrorWord.TOO_SHORT,
    )
    (tmp_path / "text.mp3").write_text("no music")
    assert word_of(tmp_path / "text.mp3") == (Stage.DECODE, ErrorWord.NOT_AUDIO)


@pytest.mark.parametrize(
    ("owner", "step", "stage"),
    [
        (prepare, "fetched", Stage.FETCH),
        (prepare, "open_audio_isolated", Stage.DECODE),
        (IsolatedReader, "samples", Stage.DECODE),
        (prepare, "spectrogram_of", Stage.SPECTROGRAM),
    ],
)
def test_an_error_that_nobody_foresaw_is_filed_where_it_happened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: object, step: str, stage: Stage
) -> None:
    def explode(*_: object, **__: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(owner, step, explode)
    assert word_of(write_song(tmp_path / "song.flac")) == (stage, ErrorWord.INTERNAL)


@pytest.mark.parametrize(("error", "retriable"), [(MemoryError, True), (ValueError, False)])
def test_an_error_that_nobody_foresaw_is_internal_and_quotes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Callable[[str], Exception], retriable: bool
) -> None:
    def explode(*_: object, **__: object) -> None:
        raise error("token=hush")

    monkeypatch.setattr(prepare, "spectrogram_of", explode)
    failure = prepared(write_song(tmp_path / "song.flac"))
    assert isinstance(failure, Failure)
    assert (failure.error, failure.retriable) == (ErrorWord.INTERNAL, retriable)
    assert "hush" not in failure.message
