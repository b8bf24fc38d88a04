"""BigQuery as a kind of output: which locations it takes, and what opens them.

Google's client takes a second to import: it is imported when a run names a dataset.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from tonearm.transforms.tables.rows import Provenance
from tonearm.transforms.tables.schemas import Row

if TYPE_CHECKING:
    import apache_beam as beam

    from tonearm.transforms.tables.bigquery.dataset import Dataset
    from tonearm.transforms.tables.bigquery.output import BigQueryOutput


@dataclass(frozen=True, slots=True)
class BigQueryTables:
    """Tables of one BigQuery dataset."""

    locations: str = "bigquery://project.dataset"
    replaces_rows: bool = True
    holds_spectrograms: bool = False

    def takes(self, location: str) -> bool:
        """See :class:`OutputKind`."""
        return location.startswith("bigquery:")

    def located(self, location: str) -> str:
        """See :class:`OutputKind`."""
        return f"bigquery://{_dataset(location)}"

    def output(self, location: str) -> BigQueryOutput:
        """See :class:`OutputKind`."""
        from tonearm.transforms.tables.bigquery.output import BigQueryOutput

        return BigQueryOutput(_dataset(location))

    def rows(
        self,
        location: str,
        table: str,
        columns: Sequence[str] | None,
        where: Mapping[str, str],
        since: date | None,
    ) -> Iterator[Row]:
        """See :class:`OutputKind`."""
        from tonearm.transforms.tables.bigquery.read import dataset_rows

        return dataset_rows(_dataset(location), table, columns, where, since)

    def storage_api_sink(self, location: str, provenance: Provenance) -> beam.PTransform | None:
        """See :class:`OutputKind`."""
        from tonearm.transforms.tables.bigquery.storage_write import WriteByStorageApi

        return WriteByStorageApi(_dataset(location), provenance)


def _dataset(location: str) -> Dataset:
    from tonearm.transforms.tables.bigquery.dataset import Dataset

    return Dataset.at(location)
