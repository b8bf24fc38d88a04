"""Every storage scheme with a server to run against: what the tests of the contract run on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

import pytest

from tests.servers import credentials, gcs, processes, s3
from tonearm.transforms.storage.schemes import forget_storages


@dataclass(frozen=True, slots=True)
class Store:
    """A place for objects.

    Attributes:
        root: Folder or URL of an empty bucket, without a slash at its end.
        put: Writes an object by its name, past the code under test, and with a ``Content-Encoding``.
    """

    root: str
    put: Callable[[str, bytes, str | None], object]

    def at(self, name: str) -> str:
        """The path or URL of an object."""
        return f"{self.root}/{name}"

    def fill(self, *names: str) -> None:
        """Write objects that hold their names."""
        for name in names:
            self.put(name, name.encode("utf-8", "surrogateescape"), None)


@contextmanager
def _disk(folder: Path) -> Iterator[Callable[[str], Store]]:
    def made(name: str) -> Store:
        root = folder / name
        root.mkdir()

        def put(name: str, content: bytes, encoding: str | None) -> None:
            if encoding:
                pytest.skip("a disk knows no content encoding")
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_bytes(content)

        return Store(str(root), put)

    yield made


@contextmanager
def _cloud_storage(folder: Path) -> Iterator[Callable[[str], Store]]:
    def made(name: str) -> Store:
        server.create_bucket(name)

        def put(name_of_object: str, content: bytes, encoding: str | None) -> None:
            blob = server.client.bucket(name).blob(name_of_object)
            blob.content_encoding = encoding
            blob.upload_from_string(content)

        return Store(f"gs://{name}", put)

    with (
        credentials.serve(folder) as planted,
        processes.applied(planted.environ),
        gcs.serve(folder / "gcs") as server,
        processes.applied(server.environ),
    ):
        yield made


@contextmanager
def _s3(folder: Path) -> Iterator[Callable[[str], Store]]:
    def made(name: str) -> Store:
        server.create_bucket(name)

        def put(key: str, content: bytes, encoding: str | None) -> None:
            extra = {"ContentEncoding": encoding} if encoding else {}
            server.client.put_object(Bucket=name, Key=key, Body=content, **extra)

        return Store(f"s3://{name}", put)

    with s3.serve(folder) as server, processes.applied(server.environ):
        yield made


STORES: dict[str, Callable[[Path], AbstractContextManager[Callable[[str], Store]]]] = {
    "local": _disk,
    "gs": _cloud_storage,
    "s3": _s3,
}
"""By scheme: what runs a server in a folder, and gives a function that makes an empty bucket there."""


@pytest.fixture(scope="module", params=STORES)
def new_bucket(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[[str], Store]]:
    """Makes empty buckets, on one scheme after the other; one server for each scheme and module."""
    forget_storages()
    with STORES[request.param](tmp_path_factory.mktemp(request.param)) as made:
        yield made
    forget_storages()


@pytest.fixture
def store(new_bucket: Callable[[str], Store]) -> Store:
    """An empty bucket or folder."""
    return new_bucket(f"bucket-{uuid4().hex[:8]}")
