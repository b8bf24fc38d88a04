"""Fixtures that tests of the jobs share."""

from __future__ import annotations

import pytest

from transforms.storage import _storage


@pytest.fixture(autouse=True)
def fresh_clients() -> None:
    """Forget the storage clients of another test's servers."""
    _storage.cache_clear()
