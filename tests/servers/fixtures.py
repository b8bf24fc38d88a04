"""The servers as pytest fixtures; name them in the root ``conftest.py``.

    pytest_plugins = ["tests.servers.fixtures"]

Each also sets its variables in this process, so that code under test finds the server here and in
subprocesses. A failing test's report ends with the servers' logs.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import bigquery, credentials, gcs, processes, pubsub, s3

TOPIC = "uploads"


@pytest.fixture
def google_credentials(tmp_path: Path) -> Iterator[credentials.Credentials]:
    """A service account whose token server is on loopback."""
    with credentials.serve(tmp_path) as planted, processes.applied(planted.environ):
        yield planted


@pytest.fixture
def pubsub_server() -> Iterator[pubsub.PubSubServer]:
    """Pub/Sub with one topic and subscription, ``TOPIC``, which ``gcs_server`` announces to."""
    with pubsub.serve() as server, processes.applied(server.environ):
        server.create(TOPIC)
        yield server


@pytest.fixture
def gcs_server(
    tmp_path: Path, google_credentials: credentials.Credentials, pubsub_server: pubsub.PubSubServer
) -> Iterator[gcs.GcsServer]:
    """Storage that announces every object below ``in/``."""
    announce = gcs.Notifications(pubsub_server, TOPIC, prefix="in/")
    with gcs.serve(tmp_path / "gcs", notifications=announce) as server, processes.applied(server.environ):
        yield server
        _show(server.child)


@pytest.fixture
def bigquery_server(tmp_path: Path, gcs_server: gcs.GcsServer) -> Iterator[bigquery.BigQueryServer]:
    """BigQuery that loads from ``gcs_server``; skips where it is not installed."""
    if not bigquery.is_installed():
        pytest.skip("no BigQuery emulator; run `python -m tests.servers.bigquery --install`")
    with bigquery.serve(tmp_path, gcs_root=gcs_server.root) as server, processes.applied(server.environ):
        yield server
        _show(server.child)


@pytest.fixture
def s3_server(tmp_path: Path) -> Iterator[s3.S3Server]:
    """An S3 server."""
    with s3.serve(tmp_path) as server, processes.applied(server.environ):
        yield server
        _show(server.child)


def _show(child: processes.Child) -> None:
    """Print a server's log: pytest shows it for tests that fail."""
    print(f"--- {child.log.name}\n{child.tail()}")
