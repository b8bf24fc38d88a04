"""Parquet as a kind of output: which locations it takes, and what opens them."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.storage.contract import StorageError
from tonearm.transforms.storage.schemes import is_local, is_object_url, normal_location, scheme_of
from tonearm.transforms.tables.contract import OutputError
from tonearm.transforms.tables.parquet.files import parquet_rows
from tonearm.transforms.tables.parquet.output import ParquetOutput
from tonearm.transforms.tables.rows import Provenance
from tonearm.transforms.tables.schemas import Row

if TYPE_CHECKING:
    import apache_beam as beam


@dataclass(frozen=True, slots=True)
class ParquetTables:
    """Parquet files in a folder or below a URL of a store."""

    locations: str = "folder or URL (gs://BUCKET/…, s3://BUCKET/…)"
    replaces_rows: bool = False
    holds_spectrograms: bool = True

    def takes(self, location: str) -> bool:
        """See :class:`OutputKind`."""
        return is_local(location) or is_object_url(location) or scheme_of(location) == "file"

    def located(self, location: str) -> str:
        """See :class:`OutputKind`; absolute if on a disk, and ``file:///music`` is the folder ``/music``."""
        if not location:
            raise OutputError("the name of the output is empty; the working folder is `.`")
        try:
            normal = normal_location(location)
        except StorageError as error:
            raise OutputError(f"{location} cannot be the place of the tables: {error.message}") from error
        if is_local(normal):
            return os.path.abspath(normal)  # noqa: PTH100 - resolves "..", not links; as storages list
        return normal.rstrip("/")

    def output(self, location: str) -> ParquetOutput:
        """See :class:`OutputKind`."""
        return ParquetOutput(self.located(location))

    def rows(
        self,
        location: str,
        table: str,
        columns: Sequence[str] | None,
        where: Mapping[str, str],
        since: date | None,
    ) -> Iterator[Row]:
        """See :class:`OutputKind`."""
        try:
            yield from parquet_rows(self.located(location), table, columns, where, since)
        except StorageError as error:
            if error.word is ErrorWord.FORBIDDEN:
                raise OutputError(error.message) from error
            raise

    def storage_api_sink(self, location: str, provenance: Provenance) -> beam.PTransform | None:
        """See :class:`OutputKind`."""
        return None
