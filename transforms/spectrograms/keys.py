"""The keys of a record: the same names, with the same meaning, in every form of file."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from tonearm.transforms.features.prepared import AudioFacts
from tonearm.transforms.spectrograms.front_end_settings import front_end_of, settings_text
from tonearm.transforms.spectrograms.read_errors import incomplete
from tonearm.transforms.spectrograms.record import SpectrogramRecord, TrackHeading

SCHEMA_VERSION = 1
"""Raised when a key changes its meaning; a reader refuses what is newer than itself."""


class KeyKind(StrEnum):
    """What a key's value is; each form of file says how it stores the kinds."""

    TEXT = "text"
    WHOLE_NUMBER = "whole number"
    NUMBER = "number"
    YES_OR_NO = "yes or no"
    TIMES = "float64 [patches]"
    PATCHES = "float16 [patches, patch_frames, mel_bands]"
    TEXTS_BY_NAME = "texts by name"


@dataclass(frozen=True, slots=True)
class Key:
    """One key of a record.

    Attributes:
        name: Its name in every form.
        kind: What its value is.
        meaning: For people.
        otherwise: The value where a file lacks the key; ``...`` if it must be there.
    """

    name: str
    kind: KeyKind
    meaning: str
    otherwise: Any = ...

    @property
    def required(self) -> bool:
        """True if a file without the key is refused."""
        return self.otherwise is ...


KEYS: Sequence[Key] = (
    Key("schema_version", KeyKind.WHOLE_NUMBER, f"Version of these keys: {SCHEMA_VERSION}"),
    Key("track_id", KeyKind.TEXT, "The catalog's own id of the track"),
    Key("uri", KeyKind.TEXT, "Where the audio was read from; empty if withheld", ""),
    Key("generation", KeyKind.TEXT, "Any text that changes whenever the audio does, such as a version"),
    Key("content_sha256", KeyKind.TEXT, "SHA-256 of the audio file, in hex"),
    Key("codec", KeyKind.TEXT, "Codec of the audio, such as flac"),
    Key("sample_rate_hz", KeyKind.WHOLE_NUMBER, "Rate of the audio before resampling"),
    Key("channels", KeyKind.WHOLE_NUMBER, "Channels before mixing to mono"),
    Key("duration_s", KeyKind.NUMBER, "Seconds that the container claims, if it does", None),
    Key("decoded_s", KeyKind.NUMBER, "Seconds that were decoded"),
    Key("analyzed_s", KeyKind.NUMBER, "Seconds that the patches cover"),
    Key("truncated", KeyKind.YES_OR_NO, "Yes if less was heard than the file promises"),
    Key("silent", KeyKind.YES_OR_NO, "Yes if no sample rises above -80 dB of full scale"),
    Key("downmix_loss_db", KeyKind.NUMBER, "Level lost by mixing to mono, if known", None),
    Key("level_db", KeyKind.NUMBER, "RMS level of the audio in dB of full scale, if known", None),
    Key("frontend", KeyKind.TEXT, "Fingerprint of the front end"),
    Key("frontend_settings", KeyKind.TEXT, "Its settings, a JSON object"),
    Key("starts_s", KeyKind.TIMES, "Where each patch begins in the track, in seconds"),
    Key("patches", KeyKind.PATCHES, "log10(log_gain * mel_power + 1)"),
    Key("metadata", KeyKind.TEXTS_BY_NAME, "What else the catalog says of the track", {}),
)

OWN_NAMES = frozenset({"schema_version", "silent", "frontend_settings", "starts_s", "patches"})
"""Keys that no other table of this project has as columns: a file with none of them is something else."""

HEADING_NAMES = ("schema_version", "track_id", "uri", "generation", "metadata")
"""The keys that :class:`TrackHeading` is made of."""

Values = Mapping[str, Any]
"""The values of a record by key: str, int, float or None, bool, arrays, a dictionary of texts."""


def values_of(record: SpectrogramRecord) -> dict[str, Any]:
    """The values of a record, by key."""
    facts = record.facts
    return {
        "schema_version": SCHEMA_VERSION,
        "track_id": record.track_id,
        "uri": record.uri,
        "generation": record.generation,
        "content_sha256": facts.content_sha256,
        "codec": facts.codec,
        "sample_rate_hz": facts.sample_rate_hz,
        "channels": facts.channels,
        "duration_s": facts.duration_s,
        "decoded_s": facts.decoded_s,
        "analyzed_s": record.analyzed_s,
        "truncated": facts.truncated,
        "silent": record.silent,
        "downmix_loss_db": facts.downmix_loss_db,
        "level_db": facts.level_db,
        "frontend": record.fingerprint,
        "frontend_settings": settings_text(record.front_end),
        "starts_s": record.starts_s,
        "patches": record.patches,
        "metadata": dict(record.metadata),
    }


def record_from(values: Values) -> SpectrogramRecord:
    """The record of values that a file held.

    Raises:
        TrackError: ``incomplete_spectrogram``: a key is missing, or its value is of another kind.
    """
    checked = _checked(values, [key.name for key in KEYS])
    facts = AudioFacts(
        content_sha256=checked["content_sha256"],
        codec=checked["codec"],
        sample_rate_hz=checked["sample_rate_hz"],
        channels=checked["channels"],
        duration_s=checked["duration_s"],
        decoded_s=checked["decoded_s"],
        truncated=checked["truncated"],
        downmix_loss_db=checked["downmix_loss_db"],
        level_db=checked["level_db"],
    )
    return SpectrogramRecord(
        track_id=checked["track_id"],
        uri=checked["uri"],
        generation=checked["generation"],
        facts=facts,
        analyzed_s=checked["analyzed_s"],
        silent=checked["silent"],
        fingerprint=checked["frontend"],
        front_end=front_end_of(checked["frontend_settings"]),
        starts_s=checked["starts_s"],
        patches=checked["patches"],
        metadata=checked["metadata"],
    )


def heading_from(place: int, values: Values) -> TrackHeading:
    """The heading of a track, of values that a file held.

    Raises:
        TrackError: As :func:`record_from`.
    """
    checked = _checked(values, HEADING_NAMES)
    return TrackHeading(
        place, checked["track_id"], checked["uri"], checked["generation"], checked["metadata"]
    )


def _checked(values: Values, names: Sequence[str]) -> dict[str, Any]:
    """The values of these keys, each of its kind, with what stands for those that may be missing."""
    checked: dict[str, Any] = {}
    for key in KEYS:
        if key.name not in names:
            continue
        value = values.get(key.name)
        if value is None:
            if key.required:
                raise incomplete(f"the key {key.name} is missing, {key.kind}: {key.meaning}")
            checked[key.name] = key.otherwise
        elif not _IS_KIND[key.kind](value):
            raise incomplete(f"the key {key.name} holds something else than {key.kind}: {key.meaning}")
        else:
            checked[key.name] = value
    if checked["schema_version"] > SCHEMA_VERSION:
        version = checked["schema_version"]
        raise incomplete(f"schema_version is {version}; this Tonearm reads up to {SCHEMA_VERSION}")
    if not checked["track_id"]:
        raise incomplete("the key track_id is empty")
    return checked


def _is_number(value: object) -> bool:
    return isinstance(value, float) and math.isfinite(value)


def _is_times(value: object) -> bool:
    return isinstance(value, np.ndarray) and value.dtype == np.float64 and value.ndim == 1


def _is_text(value: object) -> bool:
    """True for text that tables can store: JSON and NumPy know halves of characters too."""
    return isinstance(value, str) and value.encode(errors="replace").decode() == value


def _is_texts(value: object) -> bool:
    return isinstance(value, dict) and all(_is_text(text) for pair in value.items() for text in pair)


def _is_whole_number(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 31


_IS_KIND = {
    KeyKind.TEXT: _is_text,
    KeyKind.WHOLE_NUMBER: _is_whole_number,
    KeyKind.NUMBER: _is_number,
    KeyKind.YES_OR_NO: lambda value: isinstance(value, bool),
    KeyKind.TIMES: _is_times,
    KeyKind.PATCHES: lambda value: isinstance(value, np.ndarray),  # validation judges their numbers
    KeyKind.TEXTS_BY_NAME: _is_texts,
}
