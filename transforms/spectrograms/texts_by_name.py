"""Metadata where a form of file has no map of texts: a JSON object in one text."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tonearm.transforms.spectrograms.read_errors import incomplete


def texts_to_json(texts: Mapping[str, str]) -> str:
    """Texts by name, as one text.

    >>> texts_to_json({"genre": "Musik für Ältere"})
    '{"genre": "Musik für Ältere"}'
    """
    return json.dumps(dict(texts), ensure_ascii=False)


def texts_from_json(text: Any) -> dict[str, Any]:
    """What :func:`texts_to_json` made; whether its values are texts is checked with all keys.

    Raises:
        TrackError: ``incomplete_spectrogram``: it is no JSON object.
    """
    try:
        given = json.loads(text)
    except (ValueError, TypeError, RecursionError) as error:
        raise incomplete("metadata is no JSON") from error
    if not isinstance(given, dict):
        raise incomplete("metadata is no JSON object of texts by name")
    return given
