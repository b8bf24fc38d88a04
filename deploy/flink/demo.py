"""Tags music on a Flink cluster and on one machine, and compares the tables: `make flink-demo`."""

from __future__ import annotations

import argparse
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from deploy.flink.cluster import ClusterError, flink_cluster
from deploy.flink.comparison import differences, row_counts
from deploy.flink.jars import MissingError, jars, java


def main() -> int:
    """Run the demonstration; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m deploy.flink.demo", description=__doc__)
    parser.add_argument(
        "input", nargs="?", default="samples", help="folder or manifest; default: %(default)s"
    )
    parser.add_argument("--task_managers", type=int, default=2, help="default: %(default)s")
    call = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))  # so that all is cleared away
    try:
        java()
        _say("fetching Flink's jars, unless they are there")
        jars()
        with tempfile.TemporaryDirectory(prefix="tonearm-flink-demo-") as folder:
            return _compared(call.input, call.task_managers, Path(folder))
    except MissingError as missing:
        _say(str(missing))
        return 2
    except (ClusterError, subprocess.CalledProcessError) as error:
        _say(str(error))
        return 1
    except KeyboardInterrupt:
        return 130


def _compared(location: str, task_managers: int, folder: Path) -> int:
    on_one_machine, on_flink = str(folder / "one_machine"), str(folder / "flink")
    _say("tagging on one machine")
    _ingest(location, on_one_machine)
    _say(f"starting a job manager, {task_managers} task managers and the job server")
    with flink_cluster(task_managers) as cluster:
        _say("tagging on Flink")
        seconds = _ingest(location, on_flink, *cluster.options(parallelism=task_managers))
        _say(f"the command took {seconds:.0f} s; stopping the cluster")
    found = differences(on_one_machine, on_flink)
    for difference in found:
        _say(difference)
    rows = ", ".join(f"{count} rows of {table}" for table, count in row_counts(on_flink).items())
    _say("THE TABLES DIFFER" if found else f"the tables are equal: {rows}")
    return 1 if found else 0


def _ingest(location: str, output: str, *options: str) -> float:
    command = Path(sys.executable).with_name("tonearm")
    began = time.monotonic()
    subprocess.run([command, "ingest", location, "--output", output, *options], check=True)
    return time.monotonic() - began


def _say(text: str) -> None:
    print(f"flink-demo: {text}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
