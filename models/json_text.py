"""JSON for people to read and to compare line by line: ``bundle.json``."""

from __future__ import annotations

import json
from typing import Any

_WIDTH = 110


def format_json(value: Any) -> str:
    """Format a document so that it reads well: one line for every short list or object inside it.

    Args:
        value: Of dictionaries, lists, text, finite numbers, booleans and None; keys keep their order.

    Returns:
        The text, with a line break at its end; the same for the same value.

    Raises:
        ValueError: If a number is not finite, for which JSON has no word.
    """
    return _format(value, indent=0) + "\n"


def _format(value: Any, indent: int) -> str:
    line = json.dumps(value, ensure_ascii=False, allow_nan=False)
    if not value or not isinstance(value, (dict, list)) or (len(line) + indent <= _WIDTH and indent > 0):
        return line
    inner = " " * (indent + 2)
    if isinstance(value, dict):
        parts = [
            f"{json.dumps(key, ensure_ascii=False)}: {_format(item, indent + 2)}"
            for key, item in value.items()
        ]
        opening, closing = "{", "}"
    else:
        parts = [_format(item, indent + 2) for item in value]
        opening, closing = "[", "]"
    return f"{opening}\n{inner}" + f",\n{inner}".join(parts) + f"\n{' ' * indent}{closing}"
