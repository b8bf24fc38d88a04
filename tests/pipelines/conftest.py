"""Fixtures that tests of the jobs share."""

from __future__ import annotations

import pytest

from tests.cloud import BUCKET
from tests.servers.gcs import GcsServer
from tests.servers.pubsub import PubSubServer
from tests.servers.pubsub_queue import Subscription
from tests.streaming import SUBSCRIPTION
from tonearm.transforms.storage.schemes import forget_storages


@pytest.fixture(autouse=True)
def fresh_clients() -> None:
    """Forget the storage clients of another test's servers."""
    forget_storages()


@pytest.fixture
def queue(gcs_server: GcsServer, pubsub_server: PubSubServer) -> Subscription:
    """The queue of announcements of an empty bucket."""
    gcs_server.create_bucket(BUCKET)
    return pubsub_server.subscriptions[SUBSCRIPTION]
