"""Beam's Java service that expands the Storage Write API's sink; its jars come from Maven, once a user.

Of Beam 2.70, the latest whose jars can be put together one by one; the Python side takes it for its own.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import processes

_VERSION = "2.70.0"
_CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "tonearm"
_ARTIFACTS = (
    ("org.apache.beam", "beam-sdks-java-expansion-service", _VERSION),
    ("org.apache.beam", "beam-sdks-java-io-google-cloud-platform", _VERSION),
    ("org.apache.beam", "beam-sdks-java-harness", _VERSION),
    ("com.github.jbellis", "jamm", "0.4.0"),
)
_MAIN = "org.apache.beam.sdk.expansion.service.ExpansionService"


@pytest.fixture(scope="module")
def bigquery_expansion(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The service's address; skips where there is no Java or Maven."""
    java, maven = shutil.which("java"), shutil.which("mvn")
    jars = _CACHE / f"beam-bigquery-{_VERSION}"
    if not java or not (maven or jars.exists()):
        pytest.skip("no Java service for the Storage Write API: java or mvn is not on this machine")
    if not jars.exists():
        _fetch(str(maven), jars)
    port = processes.free_port()
    with processes.running(
        [java, "-cp", f"{jars}/*", _MAIN, str(port)],
        log=tmp_path_factory.mktemp("expansion") / "expansion.log",
        ready=lambda: processes.accepts_connections(port),
        timeout_s=60,
    ):
        yield f"localhost:{port}"


def _fetch(maven: str, jars: Path) -> None:
    dependencies = "".join(
        f"<dependency><groupId>{group}</groupId><artifactId>{name}</artifactId><version>{version}</version>"
        "</dependency>"
        for group, name, version in _ARTIFACTS
    )
    jars.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=jars.parent) as folder:
        (Path(folder) / "pom.xml").write_text(
            "<project><modelVersion>4.0.0</modelVersion><groupId>tonearm</groupId><artifactId>jars</artifactId>"
            f"<version>1</version><dependencies>{dependencies}</dependencies></project>"
        )
        copy = [maven, "-B", "-q", "dependency:copy-dependencies", "-DincludeScope=runtime"]
        subprocess.run([*copy, "-DoutputDirectory=jars"], cwd=folder, check=True)
        (Path(folder) / "jars").replace(jars)
