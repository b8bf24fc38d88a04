"""Fixtures: a BigQuery server for all tests of a file, and a dataset for each test."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from tests.servers import bigquery, credentials, processes
from tests.servers.bigquery import BigQueryServer
from tonearm.transforms.tables.bigquery.dataset import Dataset, client_of
from tonearm.transforms.tables.schemas import VISIBILITY_ORDER, Row
from tonearm.transforms.tables.stored_rows import table_rows

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class ServedDataset:
    """An empty dataset on the server.

    Attributes:
        server: The server.
        name: The dataset's short name.
    """

    server: BigQueryServer
    name: str

    @property
    def location(self) -> str:
        """The dataset as ``--output`` names it."""
        return f"bigquery://{self.dataset}"

    @property
    def dataset(self) -> Dataset:
        """The dataset as our code sees it, behind the server's faults."""
        return Dataset(credentials.PROJECT, self.name)

    def rows(self, table: str) -> list[Row]:
        """All rows of a table as our code reads them."""
        return list(table_rows(self.location, table))

    def keys(self, table: str = "track_tags") -> list[tuple[str, ...]]:
        """The keys of a table's rows, sorted, with doubles."""
        return sorted((row["track_id"], row["generation"], row["tagger"]) for row in self.rows(table))

    def counts(self) -> tuple[int, int, int, int]:
        """Seen, tagged, skipped and failed of the run that started last."""
        run = max(self.rows("runs"), key=lambda row: row["started"])
        return run["n_seen"], run["n_tagged"], run["n_skipped"], run["n_failed"]

    def assert_same_as(self, parquet: Path) -> None:
        """Hold all tables against those in a folder, row by row."""
        for name in VISIBILITY_ORDER:
            assert _comparable(table_rows(str(parquet), name)) == _comparable(self.rows(name))

    def another(self) -> ServedDataset:
        """A further empty dataset of the same server."""
        return _new_dataset(self.server)

    def staging(self) -> list[str]:
        """Names of the staging tables."""
        tables = self.server.client.list_tables(str(self.dataset))
        return [item.table_id for item in tables if item.table_id.startswith("staging")]

    def query(self, sql: str) -> list[dict[str, Any]]:
        """Ask the server; ``{dataset}`` in the query stands for the dataset."""
        answer = self.server.client.query(sql.format(dataset=self.name)).result()
        return [dict(row.items()) for row in answer]


def _comparable(rows: Iterable[Row]) -> list[str]:
    """Rows in an order of their own, without the partition, which Parquet keeps in the folder's name."""
    return sorted(json.dumps({**row, "ingest_date": None}, sort_keys=True, default=str) for row in rows)


@pytest.fixture(scope="module")
def bigquery_process(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BigQueryServer]:
    """A server, found by this process and its children; skips where it is not installed."""
    if not bigquery.is_installed():
        pytest.skip("no BigQuery emulator; run `python -m tests.servers.bigquery --install`")
    folder = tmp_path_factory.mktemp("bigquery")
    with (
        credentials.serve(folder) as planted,
        processes.applied(planted.environ),
        bigquery.serve(folder) as server,
        processes.applied(server.environ),
    ):
        client_of.cache_clear()
        yield server
        client_of.cache_clear()


@pytest.fixture
def target(bigquery_process: BigQueryServer) -> Iterator[ServedDataset]:
    """An empty dataset; the server behaves when the test begins."""
    yield _new_dataset(bigquery_process)
    bigquery_process.faults.heal()
    bigquery_process.filters.required.clear()
    bigquery_process.refusals.every, bigquery_process.refusals.when = 0, None


def _new_dataset(server: BigQueryServer) -> ServedDataset:
    name = f"tags_{next(_numbers)}"
    server.create_dataset(name)
    return ServedDataset(server, name)
