"""BigQuery as the tables use it: one dataset, its client, and queries that are tried again."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from google.api_core.exceptions import BadRequest
from google.api_core.retry import Retry
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import bigquery
from google.cloud.bigquery.table import RowIterator

from tonearm.transforms.tables.contract import OutputError

RETRY = bigquery.DEFAULT_RETRY.with_delay(initial=0.5, maximum=20.0, multiplier=2.0).with_timeout(300.0)
"""Passing faults (429, 5xx, broken connections) are tried again for five minutes."""

REQUEST_SECONDS = 60.0
"""A request that gets no answer for so long is a passing fault."""

_LOCATION = re.compile(r"bigquery://(?P<project>[a-z0-9.:-]+)\.(?P<name>[A-Za-z0-9_]+)")


@dataclass(frozen=True, slots=True)
class Dataset:
    """A dataset that holds the tables, ``bigquery://project.name`` on the command line.

    Attributes:
        project: Project that holds the dataset and is billed for jobs.
        name: The dataset's name in the project.
    """

    project: str
    name: str

    @classmethod
    def at(cls, location: str) -> Dataset:
        """Read a location.

        Raises:
            OutputError: It is not ``bigquery://project.dataset``.
        """
        match = _LOCATION.fullmatch(location)
        if match is None:
            raise OutputError(f"{location} is not of the form bigquery://project.dataset")
        return cls(match["project"], match["name"])

    @property
    def client(self) -> bigquery.Client:
        """The process's client, with the application's default credentials."""
        return client_of(self.project)

    def __str__(self) -> str:
        return f"{self.project}.{self.name}"

    def table(self, name: str) -> str:
        """The full name of a table, for the API."""
        return f"{self}.{name}"

    def quoted(self, name: str) -> str:
        """The full name of a table, for SQL."""
        return f"`{self}.{name}`"

    def query(self, sql: str, parameters: Sequence[bigquery.ScalarQueryParameter] = ()) -> RowIterator:
        """Run a statement to its end; it must be one that may run twice."""
        config = bigquery.QueryJobConfig(query_parameters=list(parameters))
        return _unless_updated_meanwhile(self._query)(sql, config)

    def _query(self, sql: str, config: bigquery.QueryJobConfig) -> RowIterator:
        return self.client.query(sql, job_config=config, retry=RETRY, timeout=REQUEST_SECONDS).result()


@lru_cache(maxsize=4)
def client_of(project: str) -> bigquery.Client:
    """Clients are costly to make and keep their connections: one a process."""
    try:
        return bigquery.Client(project)
    except DefaultCredentialsError as error:
        message = "no Google credentials: run `gcloud auth application-default login`"
        raise OutputError(message) from error


def _is_conflict(error: Exception) -> bool:
    return isinstance(error, BadRequest) and "concurrent update" in error.message


# BigQuery gives up a MERGE when another run changes the same table too often meanwhile.
_unless_updated_meanwhile = Retry(predicate=_is_conflict, initial=1.0, maximum=30.0, timeout=300.0)
