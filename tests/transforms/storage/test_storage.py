"""Fetching a track's bytes at the generation that was announced."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import TrackError
from tonearm.transforms.elements.track import Track
from tonearm.transforms.storage.contract import PIECE_BYTES, StorageError
from tonearm.transforms.storage.fetch import fetched
from tonearm.transforms.storage.schemes import look_up


@pytest.fixture
def track(tmp_path: Path) -> Track:
    """A file longer than a piece, as a source announces it."""
    path = tmp_path / "a.flac"
    path.write_bytes(b"sound" * (PIECE_BYTES // 4))
    found = look_up(str(path))
    return Track("1", found.uri, found.generation, found.size_bytes)


def error_of(track: Track, max_track_bytes: int = 1 << 40) -> TrackError:
    with pytest.raises(TrackError) as caught, fetched(track, max_track_bytes):
        pass
    return caught.value


def test_a_local_file_is_read_where_it_lies_and_hashed(track: Track) -> None:
    with fetched(track, 1 << 40) as file:
        assert file.path == track.uri
        assert file.content_sha256 == hashlib.sha256(Path(track.uri).read_bytes()).hexdigest()


def test_an_object_that_changed_since_is_left_to_the_next_run(track: Track) -> None:
    os.utime(track.uri, ns=(1, 1))
    error = error_of(track)
    assert (error.error, error.retriable) == (ErrorWord.CHANGED, True)


def test_an_object_above_the_limit_is_not_read(track: Track) -> None:
    error = error_of(track, max_track_bytes=PIECE_BYTES)
    assert (error.error, error.retriable) == (ErrorWord.TOO_LARGE, False)


def test_an_object_that_vanished_is_not_found(track: Track) -> None:
    Path(track.uri).unlink()
    assert error_of(track).error is ErrorWord.NOT_FOUND


@pytest.mark.parametrize("uri", ["ftp://host/a.mp3", "https://host/a.mp3"])
def test_a_url_that_no_storage_serves_is_unreadable_and_asks_no_host(track: Track, uri: str) -> None:
    assert error_of(replace(track, uri=uri)).error is ErrorWord.UNREADABLE


def test_a_pipe_does_not_block_the_run(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mp3")
    with pytest.raises(StorageError, match="not a file"):
        look_up(str(tmp_path / "pipe.mp3"))
