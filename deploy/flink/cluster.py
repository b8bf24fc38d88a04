"""A Flink cluster on loopback: job manager, task managers and Beam's job server, each in a process."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from deploy.flink.jars import jars, java

LOOPBACK = "127.0.0.1"
WORKER = Path(__file__).with_name("worker.py")

SETTINGS: Mapping[str, str] = {
    "jobmanager.rpc.address": LOOPBACK,
    "jobmanager.bind-host": LOOPBACK,
    "rest.address": LOOPBACK,
    "rest.bind-address": LOOPBACK,
    "taskmanager.host": LOOPBACK,
    "taskmanager.bind-host": LOOPBACK,
    "taskmanager.numberOfTaskSlots": "1",
    "taskmanager.cpu.cores": "1",
    # A task manager that is started by hand has to be told every part of its memory.
    "taskmanager.memory.framework.heap.size": "128m",
    "taskmanager.memory.framework.off-heap.size": "64m",
    "taskmanager.memory.task.heap.size": "192m",
    "taskmanager.memory.task.off-heap.size": "64m",
    "taskmanager.memory.network.min": "64m",
    "taskmanager.memory.network.max": "64m",
    "taskmanager.memory.managed.size": "64m",
    "taskmanager.memory.jvm-metaspace.size": "256m",
    "taskmanager.memory.jvm-overhead.min": "192m",
    "taskmanager.memory.jvm-overhead.max": "192m",
    # A lost task manager is noticed, and its job goes on once there is another one.
    "heartbeat.interval": "2000",
    "heartbeat.timeout": "10000",
    "restart-strategy.type": "fixed-delay",
    # For as long as it takes: each attempt fails at once until the lost one is replaced.
    "restart-strategy.fixed-delay.attempts": "2147483647",
    "restart-strategy.fixed-delay.delay": "3 s",
    "slot.request.timeout": "120000",
    # Beam's classes are those of the cluster's own class path, whatever a job brings along: of a cancelled
    # job's class loader nothing is left that could break a later job.
    "classloader.resolve-order": "parent-first",
    "classloader.check-leaked-classloader": "false",
    "state.backend.type": "hashmap",
    "execution.checkpointing.externalized-checkpoint-retention": "RETAIN_ON_CANCELLATION",
}
"""What the job manager and the task managers are told; ports and folders come on top."""

_HEAP_MEGABYTES = {"job-manager": 384, "task-manager": 320, "job-server": 384}

_MAIN_CLASSES = {
    "job-manager": "org.apache.flink.runtime.entrypoint.StandaloneSessionClusterEntrypoint",
    "task-manager": "org.apache.flink.runtime.taskexecutor.TaskManagerRunner",
    "job-server": "org.apache.beam.runners.flink.FlinkJobServerDriver",
}

_OPENED_PACKAGES = (
    *("java.lang", "java.lang.reflect", "java.util", "java.util.concurrent"),
    *("java.io", "java.nio", "java.net", "java.text", "java.time", "sun.nio.ch"),
)
"""Of Java's own, those that Flink and Beam look into."""


class ClusterError(Exception):
    """The cluster did not come up, or broke; the message ends with the log of the process."""


class FlinkCluster:
    """A running cluster; see :func:`flink_cluster`.

    Attributes:
        folder: Settings, logs, and all temporary files of the cluster.
        task_managers: Their processes by name; workers are children of theirs.
    """

    def __init__(self, folder: Path, settings: Mapping[str, str] = SETTINGS) -> None:
        self.folder = folder
        self.task_managers: dict[str, subprocess.Popen[bytes]] = {}
        self._settings = settings
        self._java, self._jars = java(), jars()
        self._groups: list[int] = []
        self._rest, self._rpc, self._jobs = _free_ports(3)

    def start(self, task_managers: int) -> None:
        """Start all processes, and wait until the cluster takes jobs.

        Raises:
            ClusterError: A process ended, or two minutes were not enough.
        """
        for name in ("settings", "logs", "temporary", "checkpoints", "savepoints"):
            (self.folder / name).mkdir()
        settings = {
            **self._settings,
            "rest.port": str(self._rest),
            "jobmanager.rpc.port": str(self._rpc),
            "io.tmp.dirs": str(self.folder / "temporary"),
            "state.checkpoints.dir": (self.folder / "checkpoints").as_uri(),
            "state.savepoints.dir": (self.folder / "savepoints").as_uri(),
        }
        text = "".join(f"{name}: {value}\n" for name, value in settings.items())
        (self.folder / "settings" / "flink-conf.yaml").write_text(text)
        self._start("job-manager", "job-manager", *self._configured(), "--executionMode", "cluster")
        for number in range(1, task_managers + 1):
            self.start_task_manager(f"task-manager-{number}")
        server = self._start(
            "job-server",
            "job-server",
            f"--flink-master={LOOPBACK}:{self._rest}",
            f"--job-host={LOOPBACK}",
            f"--job-port={self._jobs}",
            "--artifact-port=0",  # any free one
            "--expansion-port=0",
            f"--artifacts-dir={self.folder / 'temporary'}",
        )
        self._wait("job-server", server, lambda: _listens(self._jobs))
        self.wait_for_task_managers(task_managers)

    def start_task_manager(self, name: str) -> subprocess.Popen[bytes]:
        """Start a task manager, also in place of one of the same name that was killed."""
        named = ("-D", f"taskmanager.resource-id={name}")
        process = self._start("task-manager", name, *self._configured(), *named)
        self.task_managers[name] = process
        return process

    def wait_for_task_managers(self, count: int) -> None:
        """Wait until so many are known to the job manager; one that died is, for some seconds."""

        def are_there() -> bool:
            with contextlib.suppress(OSError):
                return len(self.ask("/taskmanagers")["taskmanagers"]) == count
            return False

        name, process = list(self.task_managers.items())[-1]
        self._wait(name, process, are_there)

    def ask(self, path: str, message: object = None, *, method: str | None = None) -> Any:
        """Ask the job manager, or tell it something, and return its answer (Flink's REST interface)."""
        body = None if message is None else json.dumps(message).encode()
        request = urllib.request.Request(f"http://{LOOPBACK}:{self._rest}{path}", body, method=method)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=30) as answer:
            return json.load(answer)

    def options(self, *, parallelism: int = 2) -> tuple[str, ...]:
        """Options of ``tonearm ingest`` for a job on this cluster."""
        this_python = Path(sys.executable).parent  # the project is installed there
        worker = {"command": str(WORKER), "env": {"PATH": f"{this_python}{os.pathsep}{os.environ['PATH']}"}}
        return (
            *("--runner", "PortableRunner", "--job_endpoint", f"{LOOPBACK}:{self._jobs}"),
            *("--environment_type", "PROCESS", "--environment_config", json.dumps(worker)),
            # How long a worker waits for the next stage. Less than the pause before a restart, or a job whose
            # worker died is given the dead one again.
            *("--environment_cache_millis", "2000", "--parallelism", str(parallelism)),
        )

    def log(self, name: str) -> str:
        """All that a process has said so far."""
        return (self.folder / "logs" / f"{name}.log").read_text(errors="replace")

    def stop(self) -> None:
        """End every process of the cluster and all that they started: politely, then by force."""
        for number, patience_s in ((signal.SIGTERM, 10.0), (signal.SIGKILL, 10.0)):
            for group in self._groups:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(group, number)
            deadline = time.monotonic() + patience_s
            while any(map(_lives, self._groups)) and time.monotonic() < deadline:
                time.sleep(0.1)

    def _configured(self) -> tuple[str, str]:
        return "--configDir", str(self.folder / "settings")

    def _start(self, kind: str, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        temporary = self.folder / "temporary"
        command = [
            *tied_to_this_process(),
            self._java,
            f"-Xmx{_HEAP_MEGABYTES[kind]}m",
            "-XX:+UseSerialGC",
            "-XX:TieredStopAtLevel=1",  # it does not live long enough for more to be worth the time
            f"-Djava.io.tmpdir={temporary}",
            "-Dorg.slf4j.simpleLogger.showDateTime=true",
            "-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS",
            *(f"--add-opens=java.base/{package}=ALL-UNNAMED" for package in _OPENED_PACKAGES),
            *("-cp", f"{self._jars}/*", _MAIN_CLASSES[kind], *arguments),
        ]
        environment = {**os.environ, "TMPDIR": str(temporary)}
        with (self.folder / "logs" / f"{name}.log").open("ab") as log:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
                start_new_session=True,  # a group of its own, to which its workers belong: all end together
            )
        self._groups.append(process.pid)
        return process

    def _wait(self, name: str, process: subprocess.Popen[bytes], ready: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 120
        while not ready():
            if process.poll() is not None or time.monotonic() > deadline:
                end = "ended" if process.poll() is not None else "was not ready after two minutes"
                raise ClusterError(f"Flink's {name} {end}\n{self.log(name)[-4000:]}")
            time.sleep(0.2)


def tied_to_this_process() -> tuple[str, ...]:
    """What a command begins with that the kernel is to end with this process, however that ends."""
    setpriv = shutil.which("setpriv")
    return (setpriv, "--pdeathsig", "KILL") if setpriv else ()


@contextmanager
def flink_cluster(task_managers: int = 2, settings: Mapping[str, str] = SETTINGS) -> Iterator[FlinkCluster]:
    """Run a cluster for as long as the context lasts; nothing of it is left afterwards.

    Args:
        task_managers: How many there are to begin with.
        settings: What the job manager and the task managers are told, but for ports and folders.

    Raises:
        MissingError: Java or Maven is not installed.
        ClusterError: The cluster did not come up.
    """
    with tempfile.TemporaryDirectory(prefix="tonearm-flink-") as folder:
        cluster = FlinkCluster(Path(folder), settings)
        try:
            cluster.start(task_managers)
            yield cluster
        finally:
            cluster.stop()


def _free_ports(count: int) -> list[int]:
    """Different loopback ports that nobody listens on."""
    with contextlib.ExitStack() as held:
        sockets = [held.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind((LOOPBACK, 0))
        return [int(each.getsockname()[1]) for each in sockets]


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(0.5)
        return probe.connect_ex((LOOPBACK, port)) == 0


def _lives(group: int) -> bool:
    with contextlib.suppress(ChildProcessError):
        os.waitpid(group, os.WNOHANG)
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True
