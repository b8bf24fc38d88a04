"""A run calls nobody but whom its command names, and leaves nothing at home but the cache of graphs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.catalog import counts, files_below, tonearm_command, write_song

AUDIT = """
import os, sys

def note(event, arguments):
    if event in {"socket.getaddrinfo", "socket.gethostbyname", "socket.connect", "socket.sendto"}:
        with open(os.environ["AUDIT_LOG"], "a") as log:
            print(event, arguments, file=log)

sys.addaudithook(note)
"""
"""Imported by every Python process at its start; what libraries in C do, strace tells."""

STRACE = ("strace", "-f", "--seccomp-bpf", "-qq", "-e", "trace=connect,sendto,sendmsg,sendmmsg", "-o")

TO_A_NETWORK = re.compile(r"sa_family=AF_INET6?\b|nscd|resolve")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    folder = tmp_path / "home"
    folder.mkdir()
    return folder


def run_whole(tmp_path: Path, home: Path, *options: str) -> tuple[Path, str]:
    """Tag a song as in a fresh account; returns the tables, and what was asked of a network."""
    (tmp_path / "audited").mkdir()
    (tmp_path / "audited" / "sitecustomize.py").write_text(AUDIT)
    (tmp_path / "songs").mkdir()
    write_song(tmp_path / "songs" / "song.flac")
    audit, trace, output = (tmp_path / name for name in ("audit.log", "trace.log", "tables"))
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "PYTHONPATH": str(tmp_path / "audited"),
        "AUDIT_LOG": str(audit),
    }
    traced = [*STRACE, str(trace)] if shutil.which("strace") else []
    command = tonearm_command("ingest", tmp_path / "songs", "--output", output, *options)
    subprocess.run([*traced, *command], env=environment, check=True, capture_output=True, cwd=tmp_path)
    calls = audit.read_text() if audit.exists() else ""
    if trace.exists():
        lines = [line for line in trace.read_text().splitlines() if TO_A_NETWORK.search(line)]
        calls += "\n".join(lines)
    return output, calls


def test_a_run_on_local_files_looks_nobody_up_and_connects_to_nobody(tmp_path: Path, home: Path) -> None:
    output, calls = run_whole(tmp_path, home)
    assert counts(output) == (1, 1, 0, 0)
    assert calls == ""
    files = [name for name in files_below(home) if (home / name).is_file()]
    assert files
    assert {str(Path(name).parent) for name in files} == {".cache/tonearm"}


def test_the_audit_sees_a_look_up(tmp_path: Path) -> None:
    """Or the test above would pass because nothing listens."""
    (tmp_path / "sitecustomize.py").write_text(AUDIT)
    environment = os.environ | {"PYTHONPATH": str(tmp_path), "AUDIT_LOG": str(tmp_path / "audit.log")}
    program = "import socket; socket.getaddrinfo('127.0.0.1', 1)"
    subprocess.run([sys.executable, "-c", program], env=environment, check=True)
    assert "socket.getaddrinfo" in (tmp_path / "audit.log").read_text()
