"""Tags music on one machine, on a Flink cluster and on Prism, and compares the tables: `make flink-demo`."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from importlib.metadata import version
from pathlib import Path

from deploy.flink.cluster import ClusterError, flink_cluster, tied_to_this_process
from deploy.flink.comparison import differences, row_counts
from deploy.flink.jars import MissingError, jars, java
from tonearm.pipelines.commands.option_types import positive_integer


def main() -> int:
    """Run the demonstration; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.flink.demo", description=__doc__)
    parser.add_argument(
        "input", nargs="?", default="samples", help="folder or manifest; default: %(default)s"
    )
    parser.add_argument(
        "--task_managers",
        type=positive_integer,
        nargs="+",
        default=[2],
        metavar="N",
        help="of the cluster; several numbers: one cluster after the other, to compare how long each takes; "
        "default: 2",
    )
    parser.add_argument(
        "--prism",
        metavar="PROGRAM",
        help="tag it on this Prism too: go install github.com/apache/beam/sdks/v2/go/cmd/prism@v"
        + version("apache-beam"),
    )
    call = parser.parse_args()
    if len(set(call.task_managers)) < len(call.task_managers):
        parser.error("--task_managers names a number twice")
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # so that all is cleared away
    try:
        if call.prism and not shutil.which(call.prism):
            raise MissingError(f"there is no program {call.prism}")
        java()
        _say("fetching Flink's jars, unless they are there")
        jars()
        with tempfile.TemporaryDirectory(prefix="tonearm-flink-demo-") as folder:
            return _compared(call, Path(folder))
    except MissingError as missing:
        _say(str(missing))
        return 2
    except ClusterError as error:
        _say(str(error))
        return 1
    except subprocess.CalledProcessError as error:
        _say(f"the command ended with {error.returncode}: nothing is compared")
        return 2 if error.returncode == 2 else 1
    except KeyboardInterrupt:
        return 130


def _compared(call: argparse.Namespace, folder: Path) -> int:
    seconds: dict[str, float] = {}
    for where, engine in _engines(call).items():
        with engine as options:
            _say(f"tagging on {where}")
            seconds[where] = _ingest(call.input, folder / where, *options)
    expected, *outputs = (str(folder / where) for where in seconds)
    found = [difference for output in outputs for difference in differences(expected, output)]
    for difference in found:
        _say(difference)
    _say("the commands took " + ", ".join(f"{took:.0f} s on {where}" for where, took in seconds.items()))
    rows = ", ".join(f"{count} rows of {table}" for table, count in row_counts(expected).items())
    _say("THE TABLES DIFFER" if found else f"the tables are equal: {rows}")
    return 1 if found else 0


def _engines(call: argparse.Namespace) -> dict[str, AbstractContextManager[tuple[str, ...]]]:
    """What to tag on: each starts when it is entered, and tells the options of a job on it."""
    engines: dict[str, AbstractContextManager[tuple[str, ...]]] = {"one machine": nullcontext(())}
    if call.prism:
        prism = ("--runner", "PrismRunner", "--prism_location", call.prism, "--prism_log_level", "warn")
        engines["Prism"] = nullcontext(prism)
    for count in call.task_managers:
        engines[f"Flink with {_task_managers(count)}"] = _flink(count)
    return engines


@contextmanager
def _flink(task_managers: int) -> Iterator[tuple[str, ...]]:
    _say(f"starting a job manager, {_task_managers(task_managers)} and the job server")
    with flink_cluster(task_managers) as cluster:
        yield cluster.options(parallelism=task_managers)
        _say("stopping the cluster")


def _task_managers(count: int) -> str:
    return f"{count} task manager{'s' if count > 1 else ''}"


def _ingest(location: str, output: Path, *options: str) -> float:
    """Tag by the command, which shows its counts; returns how many seconds it took.

    It is killed if this process is stopped, and could not clear away then what it has put on a disk.
    """
    command = Path(sys.executable).with_name("tonearm")
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="temporary-", dir=output.parent) as temporary:
        subprocess.run(
            [*tied_to_this_process(), command, "ingest", location, "--output", output, *options],
            env={**os.environ, "TMPDIR": temporary},
            check=True,
        )
    return time.monotonic() - began


def _say(text: str) -> None:
    print(f"flink-demo: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
