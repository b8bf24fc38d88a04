"""BigQuery as the tables use it: one dataset, its client, and queries that are tried again."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeVar

from google.api_core.exceptions import GoogleAPICallError, RetryError
from google.api_core.retry import Retry
from google.auth.exceptions import DefaultCredentialsError
from google.cloud import bigquery
from google.cloud.bigquery.table import RowIterator

from tonearm.errors import TonearmError
from tonearm.transforms.tables.contract import OutputError

RETRY = bigquery.DEFAULT_RETRY.with_delay(initial=0.5, maximum=20.0, multiplier=2.0).with_timeout(300.0)
"""Passing faults (429, 5xx, broken connections) are tried again for five minutes."""

REQUEST_SECONDS = 60.0
"""A request without an answer for so long counts as a passing fault."""

BUSY_SECONDS = 600.0
"""How long to wait for a full queue or a used-up quota: one per minute is free again by then."""

_BUSY_REASONS = {"resourcesExceeded", "quotaExceeded", "rateLimitExceeded", "jobRateLimitExceeded"}

_BUSY_WORDS = ("concurrent update", "Too many DML statements outstanding", "Quota exceeded")

_Answer = TypeVar("_Answer")

_LOCATION = re.compile(r"bigquery://(?P<project>([a-z0-9.-]+:)?[a-z0-9-]+)\.(?P<name>[A-Za-z0-9_]+)")
"""A project may be named with its domain, ``example.com:music``; otherwise it has no dot."""


class BigQueryBusyError(TonearmError):
    """BigQuery takes no more of this project's work for now."""


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
        return patiently(lambda: self._query(sql, config))

    def _query(self, sql: str, config: bigquery.QueryJobConfig) -> RowIterator:
        return self.client.query(sql, job_config=config, retry=RETRY, timeout=REQUEST_SECONDS).result()


@lru_cache(maxsize=4)
def client_of(project: str) -> bigquery.Client:
    """The one client of this process for a project: clients are costly to make and keep their connections."""
    try:
        return bigquery.Client(project)
    except DefaultCredentialsError as error:
        message = "no Google credentials: run `gcloud auth application-default login`"
        raise OutputError(message) from error


def patiently(ask: Callable[[], _Answer]) -> _Answer:
    """Ask BigQuery again, with growing pauses, while it has no room for the request.

    Raises:
        BigQueryBusyError: It had none for ten minutes, or a quota is used up for longer than that.
    """
    try:
        return _WHILE_BUSY(ask)()
    except RetryError as error:
        cause = error.cause
        if cause is None or not is_busy(cause):
            raise
        raise BigQueryBusyError(
            f"BigQuery had no room for {BUSY_SECONDS / 60:.0f} minutes ({cause}). What is committed stays; "
            "the same command goes on from there once there is: look at the project's quotas"
        ) from cause


def is_busy(error: Exception) -> bool:
    """True if BigQuery refuses a request for what others do, and not for what it says.

    It gives a MERGE up when another changes the same table too often meanwhile, queues no more than 20
    changes of a table, and has quotas. None of it means that the account lacks a right, though some is a 403.
    """
    if not isinstance(error, GoogleAPICallError):
        return False
    reasons = {each.get("reason") for each in error.errors if isinstance(each, dict)}
    return bool(reasons & _BUSY_REASONS) or any(word in str(error.message) for word in _BUSY_WORDS)


_WHILE_BUSY = Retry(predicate=is_busy, initial=1.0, maximum=60.0, multiplier=2.0, timeout=BUSY_SECONDS)
