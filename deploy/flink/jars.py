"""The jars of Flink and of Beam's job server for it: fetched by Maven, once a user."""

from __future__ import annotations

import hashlib
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path

_POM = Path(__file__).with_name("pom.xml")
_CACHE = Path(os.environ.get("XDG_CACHE_HOME", Path.home() / ".cache")) / "tonearm"
_OLDEST_JAVA = 11


class MissingError(Exception):
    """Something that Flink needs is not on this machine; the message says what, and what to do."""


def java() -> str:
    """The program that runs Flink.

    Raises:
        MissingError: It is not installed, or too old.
    """
    if not (program := shutil.which("java")):
        raise MissingError("Flink needs Java 17 (Debian: `apt-get install openjdk-17-jre-headless`)")
    told = subprocess.run([program, "-version"], check=False, capture_output=True, text=True).stderr
    release = re.search(r'version "(\d+)', told)  # Java 8 calls itself 1.8
    if not release or int(release[1]) < _OLDEST_JAVA:
        raise MissingError(f"Flink needs Java 17; {program} says of itself: {told.strip() or 'nothing'}")
    return program


def jars() -> Path:
    """The folder with all jars; fetches 200 MB at the first call.

    Raises:
        MissingError: They are not there yet, and Maven is not installed or cannot fetch them.
    """
    version = hashlib.sha256(_POM.read_bytes()).hexdigest()[:12]
    folder = _CACHE / f"flink-{version}"
    if not folder.exists():
        if not (maven := shutil.which("mvn")):
            raise MissingError("Flink's jars are fetched by Maven (Debian: `apt-get install maven`)")
        _fetch(maven, folder)
    return folder


def _fetch(maven: str, folder: Path) -> None:
    folder.parent.mkdir(parents=True, exist_ok=True)
    copy = (maven, "--batch-mode", "--quiet", "--file", str(_POM), "dependency:copy-dependencies")
    with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
        complete = Path(temporary) / "jars"
        options = ("-DincludeScope=runtime", f"-DoutputDirectory={complete}")
        done = subprocess.run([*copy, *options], check=False, capture_output=True, text=True)
        if done.returncode != 0:
            raise MissingError(
                f"Maven could not fetch Flink's jars:\n{done.stdout[-2000:]}{done.stderr[-2000:]}"
            )
        if not folder.exists():  # or another process was quicker
            complete.replace(folder)
