"""Prism, Beam's portable local engine: the one on which unbounded sources run. Built with Go, once a user."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest

from tests.servers import processes

_CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "tonearm"
_PACKAGE = "github.com/apache/beam/sdks/v2/go/cmd/prism"
_POOL = "apache_beam.runners.worker.worker_pool_main"


@pytest.fixture(scope="session")
def prism_program() -> Path:
    """The cluster; skips where it is not built and cannot be."""
    beam = version("apache-beam")
    program = _CACHE / f"prism-{beam}"
    if not program.exists():
        if not (go := shutil.which("go")):
            pytest.skip(f"no Prism: it is built with Go, which is not on this machine ({_PACKAGE}@v{beam})")
        _build(go, f"{_PACKAGE}@v{beam}", program)
    return program


@pytest.fixture
def prism(prism_program: Path) -> tuple[str, ...]:
    """Options that run a job on a cluster of the command's own, with workers in its process."""
    return ("--runner", "PrismRunner", "--prism_location", str(prism_program), "--prism_log_level", "warn")


@pytest.fixture
def prism_elsewhere(prism_program: Path, tmp_path: Path) -> Iterator[tuple[str, ...]]:
    """Options for a cluster and workers in processes of their own: a job outlives its command.

    They see the variables of this process as they are now: name it after the servers that they need.
    """
    port, pool = processes.free_port(), processes.free_port()
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # the pool starts `python`
    with (
        processes.running(
            [prism_program, "--job_port", str(port), "--serve_http=false", "--log_level", "warn"],
            log=tmp_path / "prism.log",
            ready=lambda: processes.accepts_connections(port),
        ),
        processes.running(
            [sys.executable, "-m", _POOL, "--service_port", str(pool)],
            log=tmp_path / "workers.log",
            ready=lambda: processes.accepts_connections(pool),
            environ={"PATH": path},
        ),
    ):
        yield (
            *("--runner", "PortableRunner", "--job_endpoint", f"localhost:{port}"),
            *("--environment_type", "EXTERNAL", "--environment_config", f"localhost:{pool}"),
        )


def _build(go: str, package: str, program: Path) -> None:
    program.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=program.parent) as folder:
        subprocess.run([go, "install", package], check=True, env={**os.environ, "GOBIN": folder})
        (Path(folder) / "prism").replace(program)
