"""Fixtures that tests of the jobs share."""

from __future__ import annotations

import pytest

from tests.cloud import BUCKET
from tests.servers.gcs import GcsServer
from tests.servers.pubsub import PubSubServer
from tests.servers.pubsub_queue import Subscription
from tests.streaming import SUBSCRIPTION
from tonearm.transforms.storage.s3 import shared_client
from tonearm.transforms.storage.schemes import _storage


@pytest.fixture(autouse=True)
def fresh_clients() -> None:
    """Forget the storage clients of another test's servers."""
    _storage.cache_clear()
    shared_client.cache_clear()


@pytest.fixture
def queue(gcs_server: GcsServer, pubsub_server: PubSubServer) -> Subscription:
    """The queue of announcements of an empty bucket."""
    gcs_server.create_bucket(BUCKET)
    return pubsub_server.subscriptions[SUBSCRIPTION]
