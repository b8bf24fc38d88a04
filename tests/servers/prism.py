"""Prism, Beam's portable local engine: the one on which unbounded sources run. Built with Go, once a user."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from importlib.metadata import version
from pathlib import Path

import pytest

_CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "tonearm"
_PACKAGE = "github.com/apache/beam/sdks/v2/go/cmd/prism"


@pytest.fixture(scope="session")
def prism() -> tuple[str, ...]:
    """Options that name the engine; skips where it is not built and cannot be."""
    beam = version("apache-beam")
    program = _CACHE / f"prism-{beam}"
    if not program.exists():
        if not (go := shutil.which("go")):
            pytest.skip(f"no Prism: it is built with Go, which is not on this machine ({_PACKAGE}@v{beam})")
        _build(go, f"{_PACKAGE}@v{beam}", program)
    return ("--runner", "PrismRunner", "--prism_location", str(program), "--prism_log_level", "warn")


def _build(go: str, package: str, program: Path) -> None:
    program.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=program.parent) as folder:
        subprocess.run([go, "install", package], check=True, env={**os.environ, "GOBIN": folder})
        (Path(folder) / "prism").replace(program)
