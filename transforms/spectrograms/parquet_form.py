"""Spectrograms as Parquet: one row a track, one row group a track, so that one track is read by itself."""

from __future__ import annotations

import io
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.parquet as pq

from tonearm.transforms.elements.failure import TrackError
from tonearm.transforms.spectrograms.flat_patches import in_shape
from tonearm.transforms.spectrograms.keys import (
    HEADING_NAMES,
    KEYS,
    OWN_NAMES,
    Key,
    KeyKind,
    heading_from,
    record_from,
    values_of,
)
from tonearm.transforms.spectrograms.read_errors import (
    MOST_OTHER_BYTES,
    MOST_PATCH_BYTES,
    incomplete,
    require_fitting,
    unreadable,
)
from tonearm.transforms.spectrograms.record import SpectrogramRecord, TrackHeading

_MAGIC = b"PAR1"
_MOST_FOOTER_BYTES = 64 << 20
"""A track takes some 4 kB of the footer."""

_TYPES = {
    KeyKind.TEXT: pa.string(),
    KeyKind.WHOLE_NUMBER: pa.int32(),
    KeyKind.NUMBER: pa.float64(),
    KeyKind.YES_OR_NO: pa.bool_(),
    KeyKind.TIMES: pa.list_(pa.field("element", pa.float64(), nullable=False)),
    KeyKind.PATCHES: pa.list_(pa.field("element", pa.float16(), nullable=False)),
    KeyKind.TEXTS_BY_NAME: pa.map_(pa.string(), pa.string()),
}


def _field(key: Key) -> pa.Field:
    nullable = key.otherwise is None
    return pa.field(key.name, _TYPES[key.kind], nullable=nullable, metadata={"description": key.meaning})


SCHEMA = pa.schema([_field(key) for key in KEYS])
"""Columns of the files. ``patches`` holds a track's numbers one after the other, as a C array of three
dimensions has them; the last two are told by ``frontend_settings``."""

FILE_OPTIONS: Mapping[str, Any] = {
    "compression": "zstd",
    "row_group_size": 1,
    "use_dictionary": False,
    "write_page_checksum": True,
    "write_statistics": [name for name in SCHEMA.names if name != "patches"],
}
"""How :func:`pyarrow.parquet.write_table` is to write them. The encoding ``BYTE_STREAM_SPLIT`` would save a
tenth of the bytes; DuckDB 2.0 cannot read float16 in it."""


def row_of(record: SpectrogramRecord) -> dict[str, Any]:
    """A row of the files, as :meth:`pyarrow.Table.from_pylist` takes it."""
    flat = {"patches": record.patches.reshape(-1), "metadata": list(record.metadata.items())}
    return values_of(record) | flat


class ParquetForm:
    """Parquet; see :class:`SpectrogramForm`."""

    name = "Parquet"
    ending = ".parquet"

    def recognizes(self, head: bytes) -> bool:
        """See :class:`SpectrogramForm`."""
        return head.startswith(_MAGIC)

    def may_hold_records(self, file: BinaryIO) -> bool:
        """See :class:`SpectrogramForm`; other tables lie beside them, such as those of failures."""
        with _reading():
            return not OWN_NAMES.isdisjoint(_opened(file).schema_arrow.names)

    def headings(self, file: BinaryIO) -> Iterator[TrackHeading | TrackError]:
        """See :class:`SpectrogramForm`."""
        opened = _opened(file)
        for place in range(opened.num_row_groups):
            try:
                yield heading_from(place, _row(opened, place, HEADING_NAMES))
            except TrackError as error:
                yield error

    def read(self, file: BinaryIO, place: int) -> SpectrogramRecord:
        """See :class:`SpectrogramForm`."""
        opened = _opened(file)
        if place >= opened.num_row_groups:
            raise unreadable(f"there is no row group {place}; the file has {opened.num_row_groups}")
        return in_shape(record_from(_row(opened, place, [key.name for key in KEYS])))

    def write(self, record: SpectrogramRecord, file: BinaryIO) -> None:
        """See :class:`SpectrogramForm`."""
        pq.write_table(pa.Table.from_pylist([row_of(record)], SCHEMA), file, **FILE_OPTIONS)


@contextmanager
def _reading() -> Iterator[None]:
    """Say of whatever the library finds that the file is not whole."""
    try:
        yield
    except MemoryError:  # of Arrow's too, which is an ArrowException
        raise
    except (pa.ArrowException, ValueError, OSError, OverflowError, KeyError, IndexError) as error:
        raise unreadable(f"no whole Parquet file ({type(error).__name__}): it is cut or damaged") from error


def _opened(file: BinaryIO) -> pq.ParquetFile:
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - 8))
    length, magic = int.from_bytes(file.read(4), "little"), file.read(4)
    if magic != _MAGIC or length > size - 12:
        raise unreadable("no whole Parquet file: its footer is missing, as if it were cut")
    require_fitting("the Parquet file's footer", length, _MOST_FOOTER_BYTES)
    with _reading():
        return pq.ParquetFile(file, pre_buffer=True, page_checksum_verification=True)


def _row(opened: pq.ParquetFile, place: int, names: Sequence[str]) -> dict[str, Any]:
    """The values of these keys in one row group; what the file has besides them is not read.

    A key that the file does not have is not among them.
    """
    with _reading():
        names = [name for name in names if name in opened.schema_arrow.names]
        _require_small(opened.metadata.row_group(place), names)
        row = opened.read_row_group(place, columns=list(names), use_threads=False)
        row.validate(full=True)
        if len(row) != 1:
            raise unreadable(f"row group {place} holds {len(row)} rows; one track a row group is expected")
        return {name: _value(row.column(name)) for name in names}


def _require_small(row_group: pq.RowGroupMetaData, names: Sequence[str]) -> None:
    if row_group.num_rows != 1:
        raise unreadable(
            f"a row group holds {row_group.num_rows} rows; one track a row group is expected "
            "(pyarrow: row_group_size=1)"
        )
    patch_bytes = other_bytes = 0
    for index in range(row_group.num_columns):
        column = row_group.column(index)
        name = column.path_in_schema.split(".", 1)[0]
        if name == "patches":
            patch_bytes += max(column.total_uncompressed_size, 2 * column.num_values)
        elif name in names:
            other_bytes += max(column.total_uncompressed_size, column.num_values)
    if "patches" in names:
        require_fitting("patches", patch_bytes, MOST_PATCH_BYTES + MOST_OTHER_BYTES)
    require_fitting("the other columns", other_bytes, MOST_OTHER_BYTES)


def _value(column: pa.ChunkedArray) -> Any:
    """A column's one value: numbers as an array, all else as Python has it."""
    array = column.combine_chunks()
    if pa.types.is_map(array.type):
        pairs = array[0].as_py()
        return None if pairs is None else dict(pairs)
    if (pa.types.is_list(array.type) or pa.types.is_large_list(array.type)) and array[0].is_valid:
        numbers = array[0].values
        if numbers.null_count or not (
            pa.types.is_floating(numbers.type) or pa.types.is_integer(numbers.type)
        ):
            raise incomplete(f"expected a list of numbers, found {array.type} with or without nulls")
        return numbers.to_numpy(zero_copy_only=False)
    return array[0].as_py()
