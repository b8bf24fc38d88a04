"""BigQuery on loopback: bqemulator in an environment of its own, behind a fault proxy.

Its dependencies do not go with Beam's, so it is installed apart, once:

    python -m tests.servers.bigquery --install
"""

from __future__ import annotations

import argparse
import hashlib
import os
import subprocess
import venv
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from google.auth.credentials import AnonymousCredentials
from google.cloud import bigquery

from tests.servers import faults, processes
from tests.servers.bigquery_layers import PartitionFilters, RowRefusals, enforce_etags
from tests.servers.credentials import PROJECT
from tests.servers.faults import FaultProxy

ENVIRONMENT = Path(
    os.environ.get("TONEARM_BIGQUERY_ENVIRONMENT", Path(__file__).parents[2] / ".venv-bigquery")
)
LOCK = Path(__file__).with_name("bigquery-requirements.lock")

_STAMP = "installed.sha256"
_GET_EXTENSION = "from duckdb_extensions import import_extension; import_extension('spatial')"


@dataclass(frozen=True, slots=True)
class BigQueryServer:
    """A running BigQuery server; it keeps its tables in memory.

    Attributes:
        faults: The proxy that clients talk to.
        refusals: Which rows are refused.
        filters: Which tables are set to require a filter over their partitions.
        child: The server's process, with its log.
        client: A client that goes past the proxy, so that a test's own queries never meet its faults.
    """

    faults: FaultProxy
    refusals: RowRefusals
    filters: PartitionFilters
    child: processes.Child
    client: bigquery.Client

    @property
    def environ(self) -> dict[str, str]:
        """Variables that point google-cloud-bigquery at this server; credentials come from elsewhere."""
        return {"BIGQUERY_EMULATOR_HOST": self.faults.url}

    def create_dataset(self, name: str) -> str:
        """Create a dataset and return its full name, ``project.dataset``."""
        self.client.create_dataset(name)
        return f"{PROJECT}.{name}"

    def rows(self, query: str) -> list[dict[str, object]]:
        """Run a query and return its rows."""
        return [dict(row.items()) for row in self.client.query_and_wait(query)]


@contextmanager
def serve(
    folder: Path, *, gcs_root: Path | None = None, environment: Path = ENVIRONMENT
) -> Iterator[BigQueryServer]:
    """Run a BigQuery server.

    Args:
        folder: Where its log and its temporary files go.
        gcs_root: The storage server's ``root``, for load jobs from ``gs://``.
        environment: Where it is installed.

    Raises:
        ServerError: If it is not installed, or does not start.
    """
    if not is_installed(environment):
        raise processes.ServerError("no BigQuery emulator; run `python -m tests.servers.bigquery --install`")
    port = processes.free_port()
    upstream = f"http://{processes.LOOPBACK}:{port}"
    refusals, filters = RowRefusals(), PartitionFilters()
    with ExitStack() as stack:
        proxy = stack.enter_context(faults.serve(upstream, refusals.layer, filters.layer, enforce_etags()))
        child = stack.enter_context(
            processes.running(
                [
                    _python(environment),
                    "-m",
                    "bqemulator",
                    "start",
                    "--rest-port",
                    str(port),
                    "--grpc-port",
                    "0",
                ],
                log=folder / "bigquery.log",
                ready=lambda: processes.accepts_connections(port),
                environ=_settings(folder, gcs_root, environment),
            )
        )
        client = bigquery.Client(
            project=PROJECT, credentials=AnonymousCredentials(), client_options={"api_endpoint": upstream}
        )
        yield BigQueryServer(proxy, refusals, filters, child, client)


def _settings(folder: Path, gcs_root: Path | None, environment: Path) -> dict[str, str]:
    settings = {
        "HOME": str(_home(environment)),
        "BQEMU_DEFAULT_PROJECT_ID": PROJECT,
        "BQEMU_UPLOAD_STAGING_DIR": str(folder / "bigquery-uploads"),
        "BQEMU_ENABLE_FORMAT_EXTENSIONS": "false",  # else it looks for DuckDB's avro on the internet
    }
    return settings | ({"BQEMU_GCS_LOCAL_ROOT": str(gcs_root)} if gcs_root else {})


def install(environment: Path = ENVIRONMENT) -> None:
    """Build the emulator's environment from the lock file, unless it is there already."""
    if is_installed(environment):
        return
    venv.create(environment, with_pip=True, clear=True)
    python = _python(environment)
    subprocess.run([python, "-m", "pip", "install", "--quiet", "--require-hashes", "-r", LOCK], check=True)
    _home(environment).mkdir()
    subprocess.run(
        [python, "-c", _GET_EXTENSION], check=True, env={**os.environ, "HOME": str(_home(environment))}
    )
    (environment / _STAMP).write_text(_lock_digest())


def is_installed(environment: Path = ENVIRONMENT) -> bool:
    """Say whether the environment holds what the lock file names."""
    stamp = environment / _STAMP
    return stamp.exists() and stamp.read_text() == _lock_digest()


def _lock_digest() -> str:
    return hashlib.sha256(LOCK.read_bytes()).hexdigest()


def _python(environment: Path) -> str:
    return str(environment / "bin" / "python")


def _home(environment: Path) -> Path:
    """Return the folder that DuckDB takes for the user's own and keeps its extensions in."""
    return environment / "home"


def main() -> None:
    """Install the emulator from the command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.servers.bigquery", description=__doc__)
    parser.add_argument("--install", action="store_true", required=True, help="build its environment")
    parser.add_argument("--environment", type=Path, default=ENVIRONMENT, help="where (default: %(default)s)")
    install(parser.parse_args().environment)


if __name__ == "__main__":
    main()
