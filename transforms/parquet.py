"""Parquet files of the tables: writing one whole, listing them, reading them back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.io.filesystem import CompressionTypes
from apache_beam.io.filesystems import FileSystems

from transforms.tables import PARTITION, SCHEMAS, Row


def write_file(location: str, table: str, rows: Iterable[Row]) -> int:
    """Write one partition's rows of a table as one zstd-compressed file.

    Args:
        location: Path or URL of the file.
        table: Name of the table.
        rows: Rows with all columns of the table, ``ingest_date`` included and all equal.

    Returns:
        Bytes written.
    """
    schema = SCHEMAS[table]
    columns = pa.Table.from_pylist(list(rows), schema=schema).drop_columns([PARTITION])
    sink = pa.BufferOutputStream()
    pq.write_table(columns, sink, compression="zstd")
    content = sink.getvalue()
    write_object(location, content)
    return int(content.size)


def write_object(location: str, content: bytes | pa.Buffer) -> None:
    """Write an object so that it appears whole or not at all.

    Object stores do so by themselves; on a disk a hidden file is written first and renamed.
    """
    folder, name = FileSystems.split(location)
    written = location if "://" in location else FileSystems.join(folder, f".{name}.part")
    if written != location:
        Path(folder).mkdir(parents=True, exist_ok=True)
    with FileSystems.create(
        written, "application/octet-stream", compression_type=CompressionTypes.UNCOMPRESSED
    ) as file:
        file.write(content)
    if written != location:
        Path(written).replace(location)


def partition_folder(table: str, day: date) -> str:
    """Folder of a partition, relative to the output."""
    return f"{table}/{PARTITION}={day.isoformat()}"


def table_files(output: str, table: str) -> list[str]:
    """All files of a table, sorted; none if the table does not exist yet."""
    pattern = FileSystems.join(output, table, "**.parquet")
    (match,) = FileSystems.match([pattern])
    return sorted(metadata.path for metadata in match.metadata_list)


def read_batches(output: str, table: str, columns: list[str] | None) -> Iterator[pa.RecordBatch]:
    """Chosen columns of a whole table, or all of them, in bounded pieces."""
    for location in table_files(output, table):
        with FileSystems.open(location, compression_type=CompressionTypes.UNCOMPRESSED) as file:
            yield from pq.ParquetFile(file).iter_batches(batch_size=10_000, columns=columns)
