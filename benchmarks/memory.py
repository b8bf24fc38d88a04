"""Memory and processor time of a command while it runs: its processes together, shared pages counted once."""

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
    """What a command has taken at one moment.

    Attributes:
        at: Seconds since the epoch.
        mib: Proportional set size of the command and all its children.
        cpu_s: Processor time of the command and all its children so far.
    """

    at: float
    mib: float
    cpu_s: float


def tonearm_memory(*arguments: str | Path) -> list[Sample]:
    """Run ``tonearm`` and look at its memory ten times a second.

    Raises:
        RuntimeError: The command failed.
    """
    command = [str(Path(sys.executable).with_name("tonearm")), *map(str, arguments)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as process:
        samples = []
        while process.poll() is None:
            samples.append(_sample(process.pid))
            time.sleep(_SECONDS_BETWEEN_LOOKS)
        told = process.stdout.read() if process.stdout else ""
    if process.returncode:
        raise RuntimeError(f"tonearm {' '.join(command[1:])} ended with {process.returncode}:\n{told}")
    return samples


def peak_mib(samples: Sequence[Sample]) -> float:
    """Highest of some samples; 0 of none."""
    return max((sample.mib for sample in samples), default=0.0)


def _sample(pid: int) -> Sample:
    pss, cpu_s = 0, 0.0
    try:
        parent = psutil.Process(pid)
        for process in [parent, *parent.children(recursive=True)]:
            pss += process.memory_full_info().pss
            cpu_s += sum(process.cpu_times()[:4])  # its own and that of children which ended
    except psutil.NoSuchProcess:  # it ended while we looked
        pass
    return Sample(time.time(), pss / 2**20, cpu_s)
