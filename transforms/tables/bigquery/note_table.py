"""The note of the run that holds a dataset: the description of a table that exists for this alone.

BigQuery creates a table only if there is none of its name, and changes one on the condition that nobody else
has changed it meanwhile (its ETag). Both cost nothing and count as no job.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from google.api_core.exceptions import (
    Conflict,
    Forbidden,
    GoogleAPICallError,
    NotFound,
    PreconditionFailed,
    RetryError,
)
from google.auth.exceptions import GoogleAuthError
from google.cloud import bigquery

from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.storage.contract import Contents, StorageError
from tonearm.transforms.tables.bigquery.dataset import REQUEST_SECONDS, RETRY, Dataset

HELD_BY = "held_by"


@dataclass(frozen=True, slots=True)
class NoteTable:
    """See :class:`NoteBoard`.

    Attributes:
        dataset: The dataset that the note speaks for.
    """

    dataset: Dataset

    @property
    def location(self) -> str:
        """See :class:`NoteBoard`."""
        return f"bigquery://{self.dataset}"

    def read(self) -> Contents | None:
        """See :class:`NoteBoard`."""
        with _errors_told():
            try:
                return _contents(
                    self.dataset.client.get_table(self._place, retry=RETRY, timeout=REQUEST_SECONDS)
                )
            except NotFound:
                return None

    def write_if(self, note: bytes, seen: Contents | None) -> Contents | None:
        """See :class:`NoteBoard`."""
        client = self.dataset.client
        table = bigquery.Table(self._place)
        table.friendly_name = "Which run writes the tables now"
        table.description = note.decode()
        with _errors_told():
            try:
                if seen is None:
                    return _contents(client.create_table(table, retry=RETRY, timeout=REQUEST_SECONDS))
                table._properties["etag"] = seen.generation  # which makes the client send it as a condition
                changed = client.update_table(table, ["description"], retry=RETRY, timeout=REQUEST_SECONDS)
            except (Conflict, PreconditionFailed, NotFound):
                present = self.read()  # ours, if it was written and the answer was lost on its way
                return present if present is not None and present.content == note else None
        return _contents(changed)

    def clear(self) -> None:
        """See :class:`NoteBoard`."""
        with _errors_told():
            self.dataset.client.delete_table(
                self._place, not_found_ok=True, retry=RETRY, timeout=REQUEST_SECONDS
            )

    @property
    def _place(self) -> str:
        return self.dataset.table(HELD_BY)


def _contents(table: bigquery.Table) -> Contents:
    return Contents((table.description or "").encode(), table.etag)


@contextmanager
def _errors_told() -> Iterator[None]:
    try:
        yield
    except (Forbidden, GoogleAuthError) as error:
        raise StorageError(ErrorWord.FORBIDDEN, f"access denied: {error}") from error
    except (GoogleAPICallError, RetryError) as error:
        raise StorageError(ErrorWord.UNREADABLE, f"BigQuery failed: {error}") from error
