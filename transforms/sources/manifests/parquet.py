"""Manifests of Parquet: typed columns become the plain text that a person would write."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, BinaryIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow import types

from tonearm.transforms.sources.manifests.contract import ManifestRow, column_names, row_of
from tonearm.transforms.sources.manifests.plain_text import ValueProblem, plain_text, text_of_bytes

_BATCH_ROWS = 1000

_EPOCH = datetime(1970, 1, 1)

_PER_SECOND = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}

_Text = str | ValueProblem | None

_Teller = Callable[[Any], str | None]


def read_parquet(file: BinaryIO, location: str) -> Iterator[ManifestRow]:
    """Rows of a manifest, in the file's order.

    Raises:
        ManifestError: A required column is missing.
        pa.ArrowException: It is no Parquet file, or a damaged one.
    """
    parquet = pq.ParquetFile(file)
    columns = column_names(parquet.schema_arrow.names, location)
    for batch in parquet.iter_batches(_BATCH_ROWS):
        texts = [_texts(array, name) for name, array in zip(columns, batch.columns, strict=True)]
        for values in zip(*texts, strict=True):
            yield _row(dict(zip(columns, values, strict=True)))


def _row(values: dict[str, _Text]) -> ManifestRow:
    problems = [f"its {name} {value}" for name, value in values.items() if isinstance(value, ValueProblem)]
    usable = {name: value for name, value in values.items() if isinstance(value, str)}
    return row_of(usable, problems[0] if problems else "", uri_may_be_bytes=True)


def _texts(array: pa.Array, column: str) -> list[_Text]:
    """A column as text, value by value, so that one that cannot be written as text costs its row alone."""
    if isinstance(array.type, pa.UuidType):
        return [None if value is None else str(value) for value in array.to_pylist()]
    if isinstance(array, pa.ExtensionArray):
        array = array.storage
    if types.is_dictionary(array.type):
        array = array.dictionary_decode()
    read = next(read for is_one, read in _KINDS if is_one(array.type))
    raw, told = read(array)
    if column == "uri" and told is text_of_bytes:
        told = os.fsdecode  # the name of a file may be in any encoding
    return [None if value is None else _told(told, value) for value in raw]


def _told(teller: _Teller, value: Any) -> _Text:
    try:
        return teller(value)
    except ValueProblem as problem:
        return problem


def _strings(array: pa.Array) -> tuple[list[Any], _Teller]:
    return array.cast(pa.large_string()).cast(pa.large_binary()).to_pylist(), _utf8


def _binaries(array: pa.Array) -> tuple[list[Any], _Teller]:
    return array.to_pylist(), text_of_bytes


def _timestamps(array: pa.Array) -> tuple[list[Any], _Teller]:
    per_second, ends_in = _PER_SECOND[array.type.unit], "Z" if array.type.tz else ""
    return _numbers(array), lambda ticks: _moment(ticks, per_second) + ends_in


def _dates(array: pa.Array) -> tuple[list[Any], _Teller]:
    per_day = 1 if types.is_date32(array.type) else 86_400_000
    return _numbers(array), lambda ticks: _day(ticks // per_day)


def _times(array: pa.Array) -> tuple[list[Any], _Teller]:
    per_second = _PER_SECOND[array.type.unit]
    return _numbers(array), lambda ticks: _moment(ticks, per_second).partition("T")[2]


def _durations(array: pa.Array) -> tuple[list[Any], _Teller]:
    per_second = _PER_SECOND[array.type.unit]
    return _numbers(array), lambda ticks: format((Decimal(ticks) / per_second).normalize(), "f")


def _short_floats(array: pa.Array) -> tuple[list[Any], _Teller]:
    """Numbers of few bits, by as many digits as tell one from its neighbours."""
    dtype = np.float16 if types.is_float16(array.type) else np.float32
    return array.to_pylist(), lambda value: None if math.isnan(value) else repr(float(str(dtype(value))))


def _nested_values(array: pa.Array) -> tuple[list[Any], _Teller]:
    return list(array), _nested


def _others(array: pa.Array) -> tuple[list[Any], _Teller]:
    """Integers, truth values, decimals, numbers of full length."""
    return array.to_pylist(), plain_text


_KINDS: Sequence[tuple[Callable[[pa.DataType], bool], Callable[[pa.Array], tuple[list[Any], _Teller]]]] = (
    (types.is_string, _strings),
    (types.is_large_string, _strings),
    (types.is_string_view, _strings),
    (types.is_binary, _binaries),
    (types.is_large_binary, _binaries),
    (types.is_fixed_size_binary, _binaries),
    (types.is_binary_view, _binaries),
    (types.is_timestamp, _timestamps),
    (types.is_date, _dates),
    (types.is_time, _times),
    (types.is_duration, _durations),
    (types.is_float16, _short_floats),
    (types.is_float32, _short_floats),
    (types.is_nested, _nested_values),
    (lambda kind: True, _others),
)
"""By type of column: its values in a form that never fails to be read, and what makes text of one."""


def _numbers(array: pa.Array) -> list[Any]:
    """The integers that moments are stored as, for which no time zone has to be known."""
    return array.view(pa.int32() if array.type.bit_width == 32 else pa.int64()).to_pylist()


def _utf8(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError as error:
        raise ValueProblem("is not in UTF-8") from error


def _moment(ticks: int, per_second: int) -> str:
    """A moment since 1970 in ISO 8601, to the nanosecond where it has such."""
    seconds, fraction = divmod(ticks, per_second)
    try:
        text = (_EPOCH + timedelta(seconds=seconds)).isoformat()
    except OverflowError as error:
        raise ValueProblem("lies out of the range of years 1 to 9999") from error
    digits = str(fraction).zfill(len(str(per_second)) - 1).rstrip("0") if fraction else ""
    return f"{text}.{digits}" if digits else text


def _day(days: int) -> str:
    try:
        return (date(1970, 1, 1) + timedelta(days=days)).isoformat()
    except OverflowError as error:
        raise ValueProblem("lies out of the range of years 1 to 9999") from error


def _nested(value: pa.Scalar) -> str | None:
    try:
        found = value.as_py()
    except (ValueError, OverflowError, UnicodeDecodeError, pa.ArrowException) as error:
        raise ValueProblem("holds a value that cannot be told") from error
    if isinstance(found, list) and types.is_map(value.type):
        found = dict(found) if all(isinstance(key, str) for key, _ in found) else found
    return plain_text(found)
