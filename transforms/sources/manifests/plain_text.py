"""Values of JSON and Parquet as plain text: what a person would write in a table, without quotes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any


class ValueProblem(Exception):  # noqa: N818 - one value of one row; nothing ends by it
    """A value that cannot be written as text; the message says what is wrong with it."""


def plain_text(value: Any) -> str | None:
    """A value as text; None if it is missing.

    Bytes are taken for UTF-8, else written in hexadecimal; what is nested becomes JSON. What is "not a
    number" is missing, as pandas writes it.

    Raises:
        ValueProblem: It is nested in a way that JSON cannot express.

    Example:
        >>> plain_text(0), plain_text(True), plain_text(b"ab"), plain_text(["x"]), plain_text(float("nan"))
        ('0', 'true', 'ab', '["x"]', None)
    """
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    match value:
        case bool():
            text = str(value).lower()
        case bytes():
            text = text_of_bytes(value)
        case Mapping() | list() | tuple():
            text = _json(value)
        case Decimal():
            text = format(value, "f")
        case date() | datetime():
            text = value.isoformat()
        case _:
            text = str(value)
    return text


def text_of_bytes(value: bytes) -> str:
    r"""Bytes as text if they are UTF-8, else in hexadecimal digits.

    Example:
        >>> text_of_bytes(b"caf\xc3\xa9"), text_of_bytes(b"\xff\x00")
        ('café', 'ff00')
    """
    try:
        text = value.decode()
    except UnicodeDecodeError:
        return value.hex()
    return value.hex() if "\0" in text else text


def _json(value: Mapping[Any, Any] | Sequence[Any]) -> str:
    try:
        return json.dumps(value, ensure_ascii=False, default=plain_text)
    except (RecursionError, ValueError, TypeError) as error:
        raise ValueProblem("cannot be told as JSON") from error
