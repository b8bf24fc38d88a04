"""Failures that nobody foresaw: what may be told of them, and what may not."""

from __future__ import annotations

import errno

import pytest

from tonearm.transforms.elements.failure import ErrorWord, Stage, TrackError, failing_at


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (
            OSError(errno.ENOSPC, "secret", "/secret"),
            "unexpected OSError: No space left on device",
        ),
        (PermissionError(errno.EACCES, "secret"), "unexpected PermissionError: Permission denied"),
        (OSError("secret"), "unexpected OSError"),
        (ValueError("secret"), "unexpected ValueError"),
    ],
)
def test_an_unforeseen_error_tells_the_systems_words_and_no_librarys(error: Exception, message: str) -> None:
    with pytest.raises(TrackError) as caught, failing_at(Stage.DECODE):
        raise error
    assert (caught.value.error, caught.value.message) == (ErrorWord.INTERNAL, message)
    assert caught.value.retriable == isinstance(error, OSError)
