"""The stable words for why a track failed: the column ``error`` of ``failures``, and errors of storages."""

from __future__ import annotations

from enum import StrEnum


class ErrorWord(StrEnum):
    """One word for each way to fail; never renamed, only added to, as people group and alert by them.

    A new word is a line here, in the group of its stage, and a word in README.md's list. The code that meets
    the fault raises a ``StorageError`` or ``TrackError`` with it.
    """

    # Sources: what announced the track is wrong.
    INVALID_ROW = "invalid_row"
    MALFORMED_MESSAGE = "malformed_message"
    DUPLICATE_TRACK_ID = "duplicate_track_id"

    # Storages: the object cannot be read. A ``StorageError`` has one of the first four.
    NOT_FOUND = "not_found"
    CHANGED = "changed"
    FORBIDDEN = "forbidden"
    UNREADABLE = "unreadable"
    TOO_LARGE = "too_large"

    # Audio: the bytes are there, and cannot be heard.
    EMPTY = "empty"
    NOT_AUDIO = "not_audio"
    UNDECODABLE = "undecodable"
    FORMAT_EXCLUDED = "format_excluded"  # by --decoder tensorflow-io-only
    DECODER_DIED = "decoder_died"
    DECODE_TIMEOUT = "decode_timeout"
    TOO_SHORT = "too_short"
    NON_FINITE = "non_finite"  # samples, or scores, that are no numbers

    # Spectrograms in place of audio.
    NOT_SPECTROGRAM = "not_spectrogram"  # a file of another kind, which a manifest names
    UNREADABLE_SPECTROGRAM = "unreadable_spectrogram"  # cut, damaged, or no file of the three forms
    INCOMPLETE_SPECTROGRAM = "incomplete_spectrogram"  # a key is missing, or is something else
    INCONSISTENT_SPECTROGRAM = "inconsistent_spectrogram"  # its times do not fit to each other
    FRONTEND_MISMATCH = "frontend_mismatch"
    WRONG_DTYPE = "wrong_dtype"
    WRONG_SHAPE = "wrong_shape"
    OUT_OF_RANGE = "out_of_range"  # no logarithm of any music's power: decibels, power itself
    NOT_LOG_POWER = "not_log_power"
    WRONG_MEL_SCALE = "wrong_mel_scale"
    TRANSPOSED = "transposed"

    # Networks and tables.
    MODEL_ERROR = "model_error"
    ROW_REFUSED = "row_refused"

    INTERNAL = "internal"  # an error that nobody foresaw, at whatever stage
