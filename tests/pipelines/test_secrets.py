"""Credentials, tokens and signatures of URLs are in no table and no log, even of runs that go wrong."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.catalog import errors, start_tonearm, table, tonearm, write_manifest
from tests.cloud import BUCKET, TABLES, tables_of, upload_songs
from tests.servers.credentials import Credentials
from tests.servers.gcs import GcsServer
from tests.servers.s3 import S3Server
from tonearm.pipelines.main import run

SIGNATURE = "planted0signature0of0a0url"
TOKEN = "planted0session0token"
PASSWORD = "planted0password"
SIGNED_ROWS = [
    {"track_id": "web", "uri": f"https://user:{PASSWORD}@host/a.mp3?X-Goog-Signature={SIGNATURE}"},
    {"track_id": "aws", "uri": f"https://host/b.mp3?X-Amz-Security-Token={TOKEN}&x=1"},
    {
        "track_id": "object",
        "uri": f"gs://{BUCKET}/in/flac.flac?X-Goog-Credential=c&X-Goog-Signature={SIGNATURE}",
    },
    {"track_id": "named", "uri": f"gs://{BUCKET}/in/mp3.mp3"},
]
COVER = {"cover": f"see https://host/cover.jpg?width=9&Signature={SIGNATURE} and https://host/?page=2"}


def assert_absent(secrets: Iterable[str], log: str, tables: Path) -> None:
    """Look into the log, every cell of every table, and the raw bytes of every file."""
    cells = "".join(
        str(table(tables, name)) for name in ("track_tags", "segments", "embeddings", "failures", "runs")
    )
    files = b"".join(path.read_bytes() for path in tables.rglob("*.parquet"))
    for secret in secrets:
        assert secret not in log
        assert secret not in cells
        assert secret.encode() not in files


def test_nothing_of_a_signed_url_is_kept(
    gcs_server: GcsServer,
    google_credentials: Credentials,
    songs: Path,
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
) -> None:
    gcs_server.create_bucket(BUCKET)
    upload_songs(gcs_server, songs)
    manifest = write_manifest(tmp_path / "catalog.csv", [row | COVER for row in SIGNED_ROWS])
    gcs_server.faults.fail(status=403, path="*mp3.mp3*alt=media*")
    assert tonearm("ingest", manifest, "--output", f"gs://{BUCKET}/{TABLES}") == 0
    tables = tables_of(gcs_server, tmp_path / "t")
    assert {(row["uri"], row["error"]) for row in table(tables, "failures")} == {
        ("https://host/a.mp3", "unreadable"),
        ("https://host/b.mp3", "unreadable"),
        (f"gs://{BUCKET}/in/mp3.mp3", "forbidden"),
    }
    (tagged,) = table(tables, "track_tags")
    assert tagged["uri"] == f"gs://{BUCKET}/in/flac.flac"
    assert dict(tagged["metadata"]) == {"cover": "see https://host/cover.jpg and https://host/?page=2"}
    captured = capfd.readouterr()
    secrets = (SIGNATURE, TOKEN, PASSWORD, *google_credentials.secrets)
    assert_absent(secrets, captured.out + captured.err, tables)


def test_nothing_of_a_signed_input_is_told(output: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["ingest", f"https://host/in?X-Goog-Signature={SIGNATURE}", "--output", str(output)]) == 2
    assert run(["ingest", f"https://host/in.csv?sig={SIGNATURE}", "--output", str(output)]) == 2
    captured = capfd.readouterr()
    assert "https://host/in" in captured.err
    assert SIGNATURE not in captured.out + captured.err


@pytest.mark.slow
def test_nothing_of_the_credentials_is_told_even_when_all_goes_wrong(
    gcs_server: GcsServer, google_credentials: Credentials, s3_server: S3Server, songs: Path, tmp_path: Path
) -> None:
    for server in (gcs_server, s3_server):
        server.create_bucket(BUCKET)
        upload_songs(server, songs)
    token = {"AWS_SESSION_TOKEN": TOKEN}
    s3_server.faults.fail(status=403, path="*flac*")
    s3 = ("ingest", f"s3://{BUCKET}/in", "--output", str(tmp_path / "s3"), *s3_server.beam_options)
    log = start_tonearm(*s3, **token).communicate(timeout=120)[0]
    assert errors(tmp_path / "s3") == {"flac.flac": "forbidden"}
    gcs_server.faults.fail(status=400, method="POST", path="/batch/*")
    broken = start_tonearm("ingest", f"gs://{BUCKET}/in", "--output", f"gs://{BUCKET}/{TABLES}")
    log += broken.communicate(timeout=120)[0]
    assert broken.returncode == 1
    secrets = (TOKEN, s3_server.secret_key, *google_credentials.secrets)
    assert_absent(secrets, log, tmp_path / "s3")
    assert_absent(secrets, log, tables_of(gcs_server, tmp_path / "t"))
