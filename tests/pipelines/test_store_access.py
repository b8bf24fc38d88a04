"""Access to stores: no credentials, expired ones, buckets whose readers pay; told in one line, exit 2."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.catalog import errors, table, tonearm
from tests.cloud import BUCKET, TABLES, rows, upload_songs
from tests.servers import faults
from tests.servers.faults import Reply, Request, Send

SCHEMES = ["gs", "s3"]
PAYING = {"gs": ("--billing_project", "payer"), "s3": ("--s3_requester_pays",)}
ENDPOINT = {"gs": "STORAGE_EMULATOR_HOST", "s3": "AWS_ENDPOINT_URL_S3"}

EXPIRED = b"<Error><Code>ExpiredToken</Code><Message>The provided token has expired.</Message></Error>"


@pytest.fixture
def server(request: pytest.FixtureRequest, scheme: str) -> Any:
    """The store of a URL's scheme, with one bucket."""
    server = request.getfixturevalue("gcs_server" if scheme == "gs" else "s3_server")
    server.create_bucket(BUCKET)
    return server


@pytest.fixture
def no_credentials(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine on which nobody has logged in anywhere."""
    for name in list(os.environ):
        if name.startswith(("AWS_", "GOOGLE_", "STORAGE_EMULATOR", "CLOUDSDK")):
            monkeypatch.delenv(name)
    for name in ("HOME", "CLOUDSDK_CONFIG"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("NO_GCE_CHECK", "true")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")


@pytest.fixture
def whose_readers_pay(scheme: str, server: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Requests that name nobody who pays for them are refused, as the stores refuse them."""

    def refuse(request: Request, send: Send) -> Reply:
        names = {name.lower() for name, _ in request.headers}
        if scheme == "gs" and "userProject=payer" not in request.target:
            message = b"Bucket is a requester pays bucket but no user project provided."
            return Reply(400, (), b'{"error": {"code": 400, "message": "%s"}}' % message)
        if scheme == "s3" and "x-amz-request-payer" not in names:
            return Reply(403, (), b"<Error><Code>AccessDenied</Code></Error>")
        return send(request)

    with faults.serve(server.faults.url, refuse) as proxy:
        monkeypatch.setenv(ENDPOINT[scheme], proxy.url)
        monkeypatch.setenv("TONEARM_BILLING_PROJECT", "")
        monkeypatch.setenv("TONEARM_S3_REQUESTER_PAYS", "")
        yield


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.usefixtures("whose_readers_pay")
def test_a_bucket_whose_readers_pay_is_read_by_who_pays(
    scheme: str, server: Any, songs: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    from tonearm.transforms.storage.schemes import forget_storages

    upload_songs(server, songs)
    call = ("ingest", f"{scheme}://{BUCKET}/in", "--output", f"{scheme}://{BUCKET}/{TABLES}")
    assert tonearm(*call) == 2
    told = capfd.readouterr().err
    assert ("--billing_project" if scheme == "gs" else "AccessDenied") in told  # S3 does not say why
    assert told.count("\n") == 1
    forget_storages()
    assert tonearm(*call, *PAYING[scheme]) == 0
    assert len(rows(server, tmp_path / "t")) == len(list(songs.iterdir()))


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("place", ["input", "manifest", "output", "output anew", "watch", "tagger"])
@pytest.mark.usefixtures("no_credentials")
def test_without_credentials_a_call_is_wrong(
    scheme: str, place: str, songs: Path, output: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    url = f"{scheme}://{BUCKET}/x"
    call: tuple[str, ...] = {
        "input": (url, "--output", str(output)),
        "manifest": (f"{url}.csv", "--output", str(output)),
        "output": (str(songs), "--output", url),
        "output anew": (str(songs), "--output", url, "--retag"),
        "watch": ("--watch", url, "--output", str(output)),
        "tagger": (str(songs), "--output", str(output), "--tagger", url),
    }[place]
    assert tonearm("ingest", *call) == 2
    told = capfd.readouterr().err
    assert f"no {'Google' if scheme == 'gs' else 'AWS'} credentials" in told
    assert told.count("\n") == 1


@pytest.mark.parametrize("scheme", ["s3"])
def test_a_token_that_ends_in_mid_run_is_a_passing_fault(
    scheme: str, server: Any, songs: Path, output: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    upload_songs(server, songs)

    def expired(request: Request, send: Send) -> Reply:
        is_read = request.method == "GET" and request.target.endswith("mp3.mp3")
        return Reply(400, (), EXPIRED) if is_read else send(request)

    call = ("ingest", f"s3://{BUCKET}/in", "--output", output)
    with faults.serve(server.faults.url, expired) as proxy, monkeypatch.context() as patched:
        patched.setenv(ENDPOINT[scheme], proxy.url)
        assert tonearm(*call) == 0
    (failure,) = table(output, "failures")
    assert (failure["error"], failure["retriable"]) == ("forbidden", True)
    assert failure["message"] == "the AWS credentials have expired (ExpiredToken)"
    from tonearm.transforms.storage.schemes import forget_storages

    forget_storages()
    assert tonearm(*call) == 0
    assert len(table(output, "track_tags")) == len(list(songs.iterdir()))
    assert errors(output) == {"mp3.mp3": "forbidden"}
