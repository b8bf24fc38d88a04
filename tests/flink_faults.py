"""What befalls a job on Flink: lost task managers, lost and sleeping workers, a cancelled job."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import IO

import psutil

from deploy.flink.cluster import WORKER, FlinkCluster
from tests.servers.processes import wait_for

PATIENCE_S = 900.0
"""For what takes seconds on a machine that does nothing else."""


def start_with(change: str, *arguments: str | Path, told: IO[str] | int) -> subprocess.Popen[str]:
    """Run the command in a process of its own that sets a constant of the program first.

    Args:
        change: Statements of Python.
        arguments: The command's.
        told: Where its words go.
    """
    code = f"import sys\n{change}\nfrom tonearm.pipelines.main import run\nsys.exit(run(sys.argv[1:]))"
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)], stdout=told, stderr=subprocess.STDOUT, text=True
    )


def workers_of(cluster: FlinkCluster, task_manager: str) -> list[psutil.Process]:
    """The Python workers that a task manager has started and that live."""
    manager = psutil.Process(cluster.task_managers[task_manager].pid)
    return [child for child in manager.children() if str(WORKER) in child.cmdline()]


def wait_for_workers(cluster: FlinkCluster) -> None:
    """Wait until every task manager has a worker at work: one that has started decoders of its own."""

    def are_at_work() -> bool:
        return all(
            any(worker.children() for worker in workers_of(cluster, name)) for name in cluster.task_managers
        )

    wait_for(are_at_work, timeout_s=PATIENCE_S, what="the workers' start")


def kill_task_manager(cluster: FlinkCluster, name: str) -> None:
    """Kill a task manager outright, and start another one in its place."""
    lost = cluster.task_managers[name]
    lost.kill()
    lost.wait()
    cluster.start_task_manager(name)


def running_job(cluster: FlinkCluster) -> str:
    """The id of the one job that runs, once there is one."""

    def running() -> list[str]:
        jobs = cluster.ask("/jobs/overview")["jobs"]
        return [job["jid"] for job in jobs if job["state"] == "RUNNING"]

    wait_for(lambda: len(running()) == 1, timeout_s=PATIENCE_S, what="the job's start")
    return running()[0]


def last_failure(cluster: FlinkCluster, job: str) -> int:
    """When a job was begun again last, whole or in part, in milliseconds; 0 if it never was."""
    entries = cluster.ask(f"/jobs/{job}/exceptions")["exceptionHistory"]["entries"]
    return max((int(entry["timestamp"]) for entry in entries), default=0)
