"""A front end's settings as text that people can read: how a record tells what made its patches."""

from __future__ import annotations

import json
from dataclasses import asdict, fields
from typing import Any

from tonearm.models.front_end import FrontEnd, FrontEndError
from tonearm.transforms.spectrograms.read_errors import incomplete

_KEY = "frontend_settings"


def settings_text(front_end: FrontEnd) -> str:
    """All settings by name, as JSON; the fingerprint is the beginning of this text's SHA-256."""
    return json.dumps(asdict(front_end), sort_keys=True)


def front_end_of(text: str) -> FrontEnd:
    """The front end that a text describes.

    Raises:
        TrackError: ``incomplete_spectrogram``: a setting is missing, unknown or cannot be.

    Example:
        >>> front_end_of(settings_text(FrontEnd(mel_bands=64))).mel_bands
        64
    """
    given = _settings(text)
    try:
        settings: dict[str, Any] = {name: _number(given, name, kind) for name, kind in _kinds().items()}
        front_end = FrontEnd(**settings)
        front_end.require_computable()
    except FrontEndError as error:
        raise incomplete(f"{_KEY}: {error}") from error
    return front_end


def _settings(text: str) -> dict[str, Any]:
    try:
        given = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise incomplete(f"{_KEY} is no JSON") from error
    expected = _kinds()
    if not isinstance(given, dict) or given.keys() != expected.keys():
        raise incomplete(f"{_KEY}: expected a JSON object of {', '.join(expected)}, and nothing else")
    return given


def _number(given: dict[str, Any], name: str, kind: type) -> int | float:
    value = given[name]
    if type(value) is int:
        return float(value) if kind is float else value
    if type(value) is float and kind is float:
        return value
    raise incomplete(f"{_KEY}: {name} is to be {'a whole number' if kind is int else 'a number'}")


def _kinds() -> dict[str, type]:
    defaults = FrontEnd()
    return {field.name: type(getattr(defaults, field.name)) for field in fields(FrontEnd)}
