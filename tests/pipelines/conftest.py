"""Fixtures that tests of the jobs share."""

from __future__ import annotations

import pytest

from transforms.storage import _storage
from transforms.storage_s3 import shared_client


@pytest.fixture(autouse=True)
def fresh_clients() -> None:
    """Forget the storage clients of another test's servers."""
    _storage.cache_clear()
    shared_client.cache_clear()
