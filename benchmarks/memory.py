"""Memory of a command while it runs: its processes together, shared pages counted once."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import psutil

_SECONDS_BETWEEN_LOOKS = 0.1


@dataclass(frozen=True, slots=True)
class Sample:
    """Memory at one moment.

    Attributes:
        at: Seconds since the epoch.
        mib: Proportional set size of the command and all its children.
    """

    at: float
    mib: float


def tonearm_memory(*arguments: str | Path) -> list[Sample]:
    """Run ``tonearm`` and look at its memory ten times a second.

    Raises:
        RuntimeError: The command failed.
    """
    command = [str(Path(sys.executable).with_name("tonearm")), *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        samples = []
        while process.poll() is None:
            samples.append(Sample(time.time(), _tree_mib(process.pid)))
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        told = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise RuntimeError(f"tonearm {' '.join(command[1:])} ended with {process.returncode}:\n{told}")
    return samples


def peak_mib(samples: Sequence[Sample]) -> float:
    """Highest of some samples; 0 of none."""
    return max((sample.mib for sample in samples), default=0.0)


def _tree_mib(pid: int) -> float:
    total = 0
    try:
        parent = psutil.Process(pid)
        for process in [parent, *parent.children(recursive=True)]:
            total += process.memory_full_info().pss
    except psutil.NoSuchProcess:  # it ended while we looked
        pass
    return total / 2**20
