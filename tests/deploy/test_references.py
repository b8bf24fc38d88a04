"""The reference files are what the pinned packages say."""

from __future__ import annotations

import shutil

import pytest

from tests.deploy.references import FOLDER, made, text_of


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("mvn") is None, reason="Maven is not on this machine")
def test_references_are_up_to_date() -> None:
    for name, contents in made().items():
        assert (FOLDER / f"{name}.json").read_text() == text_of(contents), "python -m tests.deploy.references"
