"""S3 on loopback: moto's server, in a process of its own, behind a fault proxy."""

from __future__ import annotations

import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import boto3  # type: ignore[import-untyped]

from tests.servers import faults, processes
from tests.servers.faults import FaultProxy, Layer, Reply, Request, Send

REGION = "eu-central-1"


@dataclass(frozen=True, slots=True)
class S3Server:
    """A running S3 server; it keeps its objects in memory.

    Attributes:
        faults: The proxy that clients talk to.
        child: The server's process, with its log.
        client: A boto3 client that goes past the proxy, so that a test's own uploads never meet its faults.
        secret_key: Secret access key in ``environ``: it must show up nowhere.
    """

    faults: FaultProxy
    child: processes.Child
    client: Any
    secret_key: str

    @property
    def environ(self) -> dict[str, str]:
        """Variables that point boto3 and Beam at this server."""
        return {
            "AWS_ENDPOINT_URL_S3": self.faults.url,
            "AWS_ACCESS_KEY_ID": "planted-access-key",
            "AWS_SECRET_ACCESS_KEY": self.secret_key,
            "AWS_DEFAULT_REGION": REGION,
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    @property
    def beam_options(self) -> list[str]:
        """The same as Beam's options, for a run without the variables."""
        return [
            f"--s3_endpoint_url={self.faults.url}",
            "--s3_access_key_id=planted-access-key",
            f"--s3_secret_access_key={self.secret_key}",
            f"--s3_region_name={REGION}",
        ]

    def create_bucket(self, name: str, *, versioned: bool = False) -> str:
        """Create a bucket and return its ``s3://`` URL."""
        self.client.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": REGION})
        if versioned:
            self.client.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": "Enabled"})
        return f"s3://{name}"

    def upload(self, bucket: str, name: str, data: bytes | Path) -> str:
        """Write or overwrite an object and return its ETag without the quotes."""
        body = data.read_bytes() if isinstance(data, Path) else data
        etag: str = self.client.put_object(Bucket=bucket, Key=name, Body=body)["ETag"]
        return etag.strip('"')

    def delete(self, bucket: str, name: str) -> None:
        """Delete an object."""
        self.client.delete_object(Bucket=bucket, Key=name)

    def read(self, bucket: str, name: str) -> bytes:
        """Return an object's bytes."""
        body: bytes = self.client.get_object(Bucket=bucket, Key=name)["Body"].read()
        return body

    def names(self, bucket: str, prefix: str = "") -> list[str]:
        """List a bucket's objects."""
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", [])]


def write_conditionally() -> Layer:
    """Return a layer that lets one conditional write pass at a time.

    moto checks ``If-Match`` and ``If-None-Match`` and writes then, as two steps; S3 does both at once.
    """
    lock = threading.Lock()

    def layer(request: Request, send: Send) -> Reply:
        names = {name.lower() for name, _ in request.headers}
        if request.method != "PUT" or names.isdisjoint({"if-match", "if-none-match"}):
            return send(request)
        with lock:
            return send(request)

    return layer


@contextmanager
def serve(folder: Path, *, secret_key: str = "planted-secret-key") -> Iterator[S3Server]:
    """Run an S3 server.

    Args:
        folder: Where its log goes.
        secret_key: Secret access key for clients; the server takes any.
    """
    port = processes.free_port()
    upstream = f"http://{processes.LOOPBACK}:{port}"
    with ExitStack() as stack:
        proxy = stack.enter_context(faults.serve(upstream, write_conditionally()))
        child = stack.enter_context(
            processes.running(
                [sys.executable, "-m", "moto.server", "-H", processes.LOOPBACK, "-p", str(port)],
                log=folder / "s3.log",
                ready=lambda: processes.accepts_connections(port),
            )
        )
        client = boto3.client(
            "s3",
            endpoint_url=upstream,
            region_name=REGION,
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        yield S3Server(proxy, child, client, secret_key)
