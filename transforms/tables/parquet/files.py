"""Parquet files of the tables: writing one whole, listing them, reading them back."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.spectrograms.parquet_form import FILE_OPTIONS
from tonearm.transforms.storage.contract import StorageError
from tonearm.transforms.storage.objects import files_below, opened_object, write_object
from tonearm.transforms.tables.contract import OutputError
from tonearm.transforms.tables.parquet.footer import rows_told_by_footer
from tonearm.transforms.tables.rows import name_of_row
from tonearm.transforms.tables.schemas import FILE_SCHEMAS, PARTITION, SPECTROGRAMS, Row

_AS_TABLES: Mapping[str, Any] = {"compression": "zstd"}
_TOLD_BY_FOOTERS = [name for name in FILE_SCHEMAS[SPECTROGRAMS].names if name != "patches"]
_WRITTEN_WITH = {SPECTROGRAMS: {**FILE_OPTIONS, "write_statistics": _TOLD_BY_FOOTERS}}
"""Options of files by table, for tables that are not written as the others."""


@dataclass(frozen=True, slots=True)
class ParquetWriter:
    """Writes rows below a folder or URL, one file for each partition, named by what is in it.

    Attributes:
        root: Folder or URL that the tables' folders lie in.
    """

    root: str

    def write(self, table: str, rows: Iterable[Row]) -> int:
        """Write rows of a table; the same rows again overwrite the same files.

        Returns:
            Bytes written.
        """
        partitions: defaultdict[date, list[Row]] = defaultdict(list)
        for row in rows:
            partitions[row[PARTITION]].append(row)
        written = 0
        for day, of_day in partitions.items():
            location = f"{self.root}/{partition_folder(table, day)}/{file_name(table, of_day)}"
            content = parquet_bytes(table, of_day)
            write_object(location, content)
            written += content.size
        return written


def parquet_bytes(table: str, rows: Iterable[Row]) -> pa.Buffer:
    """Rows of a table as one zstd-compressed Parquet file.

    Args:
        table: Name of the table.
        rows: Rows with all columns of the table; ``ingest_date`` is left out, as the folder's name tells it.
    """
    columns = pa.Table.from_pylist(list(rows), schema=FILE_SCHEMAS[table]).drop_columns([PARTITION])
    sink = pa.BufferOutputStream()
    pq.write_table(columns, sink, **_WRITTEN_WITH.get(table, _AS_TABLES))
    return sink.getvalue()


def file_name(table: str, rows: Iterable[Row]) -> str:
    """A name made of the run, the rows' keys in whatever order, and their number."""
    if table == "runs":
        return "".join(f"run-{row['run_id']}.parquet" for row in rows)
    names = sorted(name_of_row(table, row) for row in rows)
    return f"part-{hashlib.sha256(''.join(names).encode()).hexdigest()[:24]}-{len(names)}.parquet"


def rows_in(name: str) -> int:
    """How many rows a file has, by its name: a commit need not open it to see that all are there.

    Example:
        >>> rows_in("part-9f86d081884c7d659a2feaa0-17.parquet"), rows_in("run-20260314T120000-1f.parquet")
        (17, 1)
    """
    return 1 if name.startswith("run-") else int(name.removesuffix(".parquet").rsplit("-", 1)[1])


def partition_folder(table: str, day: date) -> str:
    """Folder of a partition, relative to the output.

    >>> partition_folder("runs", date(2026, 3, 14))
    'runs/ingest_date=2026-03-14'
    """
    return f"{table}/{PARTITION}={day.isoformat()}"


def table_files(output: str, table: str) -> list[str]:
    """All files of a table, sorted; none if the table does not exist yet.

    Raises:
        OutputError: There is no such bucket, or it is closed to this account.
    """
    try:
        return _table_files(output, table)
    except StorageError as error:
        if error.word in {ErrorWord.NOT_FOUND, ErrorWord.FORBIDDEN}:
            raise OutputError(f"{output} cannot be read: {error.message}") from error
        raise


def _table_files(output: str, table: str) -> list[str]:
    return files_below(f"{output.rstrip('/')}/{table}", ".parquet")


def read_batches(
    output: str, table: str, columns: list[str] | None, since: date | None = None
) -> Iterator[pa.RecordBatch]:
    """Chosen columns of a table, or all of them, in bounded pieces, from some day on or of all days.

    A column that an older file lacks is null there.

    Raises:
        OutputError: A file is cut or was written by something else; the message names it.
    """
    for location in table_files(output, table):
        if since is not None and _partition_of(location) < since.isoformat():
            continue
        yield from read_batches_of(location, table, columns)


def _partition_of(location: str) -> str:
    """The day that a file's folder is named by.

    >>> _partition_of("/tags/runs/ingest_date=2026-03-14/run-1.parquet")
    '2026-03-14'
    """
    return location.rsplit("/", 2)[-2].removeprefix(f"{PARTITION}=")


def read_batches_of(location: str, table: str, columns: list[str] | None) -> Iterator[pa.RecordBatch]:
    """As :func:`read_batches`, of one file of a table."""
    with opened_object(location) as file:
        for batch in _pieces(file, location, columns):
            yield _completed(batch, location, table, columns)


def _pieces(file: BinaryIO, location: str, columns: list[str] | None) -> Iterator[pa.RecordBatch]:
    try:
        opened = pq.ParquetFile(file)
        told = None if columns is None else rows_told_by_footer(opened, columns)
        if told is None:
            yield from opened.iter_batches(batch_size=10_000, columns=columns)
        else:
            yield told
    except (pa.ArrowException, ValueError, OSError) as error:
        raise OutputError(
            f"{location} cannot be read as Parquet ({error}): it is cut, or no file of these tables; "
            "move it away"
        ) from error


def _completed(batch: pa.RecordBatch, location: str, table: str, columns: list[str] | None) -> pa.RecordBatch:
    """Bring a piece of a file to the columns and types of the table."""
    for field in FILE_SCHEMAS[table]:
        if field.name == PARTITION or (columns is not None and field.name not in columns):
            continue
        place = batch.schema.get_field_index(field.name)
        if place >= 0:
            batch = batch.set_column(place, field, _cast(batch.column(place), field, location))
        elif field.nullable:
            batch = batch.append_column(field, pa.nulls(len(batch), field.type))
        else:
            raise OutputError(
                f"{location} has no column {field.name}: it is no file of these tables; move it away"
            )
    return batch


def _cast(values: pa.Array, field: pa.Field, location: str) -> pa.Array:
    if values.type == field.type:
        return values
    try:
        return values.cast(field.type)
    except pa.ArrowException as error:
        raise OutputError(
            f"{location} has a column {field.name} of type {values.type} in place of {field.type}: it is no "
            "file of these tables; move it away"
        ) from error


def parquet_rows(
    output: str,
    table: str,
    columns: Sequence[str] | None,
    where: Mapping[str, str],
    since: date | None = None,
) -> Iterator[Row]:
    """Rows of a table; see :func:`stored_rows.table_rows`."""
    read = None if columns is None else list(dict.fromkeys([*columns, *where]))
    for batch in read_batches(output, table, read, since):
        yield from _only(batch, where).to_pylist()


def _only(batch: pa.RecordBatch, where: Mapping[str, str]) -> pa.RecordBatch:
    """The rows that have these values; no other is made into Python's objects, which takes the most time."""
    for name, value in where.items():
        batch = batch.filter(pc.equal(batch.column(name), value))
    return batch
