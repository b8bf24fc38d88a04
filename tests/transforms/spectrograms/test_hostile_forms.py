"""Files that were not made as they should be: each is one failure, and none costs memory or runs code."""

from __future__ import annotations

import io
import json
import pickle
import struct
import zipfile
from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.spectrogram_files import file_of, record_with
from tonearm.transforms.elements.failure import TrackError
from tonearm.transforms.spectrograms import parquet_form
from tonearm.transforms.spectrograms.example_message import Example
from tonearm.transforms.spectrograms.form import SpectrogramForm
from tonearm.transforms.spectrograms.forms import FORMS, form_of
from tonearm.transforms.spectrograms.keys import values_of
from tonearm.transforms.spectrograms.npz_form import NpzForm
from tonearm.transforms.spectrograms.parquet_form import ParquetForm
from tonearm.transforms.spectrograms.tfrecord_form import TFRecordForm, _masked_checksum

PARQUET, NPZ, TFRECORD = ParquetForm(), NpzForm(), TFRecordForm()


def _error_of(form: SpectrogramForm, content: bytes) -> TrackError:
    with pytest.raises(TrackError) as caught:
        form.read(io.BytesIO(content), 0)
    return caught.value


class _RunsCode:
    def __reduce__(self) -> tuple[Callable[..., Any], tuple[str]]:
        return pytest.fail, ("a pickle was loaded",)


def _npz(**changed: Any) -> bytes:
    values = values_of(record_with()) | {"metadata": "{}"} | changed
    file = io.BytesIO()
    np.savez_compressed(file, **{name: value for name, value in values.items() if value is not None})
    return file.getvalue()


def _npz_with_member(name: str, content: bytes) -> bytes:
    file = io.BytesIO(_npz(**{name.removesuffix(".npy"): None}))
    with zipfile.ZipFile(file, "a", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, content)
    return file.getvalue()


def _array_header(dtype: str, shape: tuple[int, ...]) -> bytes:
    file = io.BytesIO()
    np.lib.format.write_array_header_1_0(file, {"descr": dtype, "fortran_order": False, "shape": shape})
    return file.getvalue()


HOSTILE_NPZ = {
    "a pickled array": (
        _npz_with_member("patches.npy", _array_header("|O", (1,)) + pickle.dumps(_RunsCode())),
        "incomplete_spectrogram",
        "no objects",
    ),
    "a pickle and no array": (
        _npz_with_member("patches.npy", pickle.dumps(_RunsCode())),
        "unreadable_spectrogram",
        "cut or damaged",
    ),
    "a zip bomb": (
        _npz_with_member("patches.npy", _array_header("<f2", (400 << 20,)) + bytes(1 << 20)),
        "too_large",
        "at most 134217728 are read",
    ),
    "a bomb of text": (
        _npz_with_member("uri.npy", _array_header(f"<U{2 << 20}", ()) + bytes(8 << 20)),
        "too_large",
        "uri.npy",
    ),
    "less than the header tells": (
        _npz_with_member("patches.npy", _array_header("<f2", (9, 3, 4)) + bytes(24)),
        "unreadable_spectrogram",
        "(9, 3, 4) and not as long as that",
    ),
    "more than the header tells": (
        _npz_with_member("patches.npy", _array_header("<f2", (1, 3, 4)) + bytes(2 << 20)),
        "unreadable_spectrogram",
        "(1, 3, 4) and not as long as that",
    ),
    "a shape below zero": (
        _npz_with_member("patches.npy", _array_header("<f2", (-1, -24)) + bytes(48)),
        "unreadable_spectrogram",
        "shape (-1, -24)",
    ),
    "a structured array": (
        _npz(patches=np.zeros(3, [("a", "f4"), ("b", "i2")])),
        "incomplete_spectrogram",
        "numbers and text are read",
    ),
    "a key that is missing": (_npz(frontend=None), "incomplete_spectrogram", "frontend is missing"),
    "a number that is text": (_npz(channels="two"), "incomplete_spectrogram", "whole number"),
    "a list of ids": (_npz(track_id=["a", "b"]), "incomplete_spectrogram", "one value is expected"),
    "metadata that is a list": (_npz(metadata="[1]"), "incomplete_spectrogram", "texts by name"),
    "metadata of numbers": (_npz(metadata='{"a": 1}'), "incomplete_spectrogram", "texts by name"),
    "a deep JSON": (_npz(metadata="[" * 100_000), "incomplete_spectrogram", "no JSON"),
    "settings of another kind": (_npz(frontend_settings="{}"), "incomplete_spectrogram", "sample_rate_hz"),
    "keys of a later version": (_npz(schema_version=2), "incomplete_spectrogram", "reads up to 1"),
    "a cut file": (_npz()[:900], "unreadable_spectrogram", "cut or damaged"),
    "another archive": (
        _npz_with_member("readme.txt", b"hello")[:0] or b"PK\x03\x04" + bytes(40),
        "unreadable_spectrogram",
        "cut or damaged",
    ),
}


@pytest.mark.parametrize(("content", "word", "told"), HOSTILE_NPZ.values(), ids=HOSTILE_NPZ)
def test_an_npz_that_is_none_is_one_failure(content: bytes, word: str, told: str) -> None:
    error = _error_of(NPZ, content)

    assert (error.stage, error.error, error.retriable) == ("decode", word, False)
    assert told in error.message


def test_an_array_that_unpacks_to_more_than_is_declared_is_not_unpacked() -> None:
    content = bytearray(_npz_with_member("patches.npy", _array_header("<f2", (1, 3, 4)) + bytes(64 << 20)))
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        declared = struct.pack("<I", archive.getinfo("patches.npy").file_size)
    lied = bytes(content).replace(declared, struct.pack("<I", 128 + 24))

    assert len(lied) < 1 << 20
    assert _error_of(NPZ, lied).error == "unreadable_spectrogram"


def _parquet(table: pa.Table, **options: Any) -> bytes:
    file = io.BytesIO()
    pq.write_table(table, file, **options)
    return file.getvalue()


def _table(tracks: int = 1) -> pa.Table:
    one = pq.read_table(io.BytesIO(file_of(record_with(), PARQUET)))
    return pa.concat_tables([one] * tracks)


def _with(name: str, value: pa.Array) -> pa.Table:
    table = _table()
    return table.set_column(table.schema.get_field_index(name), name, value)


_TOO_MANY = pa.array([np.zeros(3 << 20, np.float16)], pa.list_(pa.float16()))

HOSTILE_PARQUET: dict[str, tuple[Callable[[], bytes], str, str]] = {
    "many tracks a row group": (
        lambda: _parquet(_table(3)),
        "unreadable_spectrogram",
        "holds 3 rows; one track a row group is expected",
    ),
    "no rows": (lambda: _parquet(_table().slice(0, 0)), "unreadable_spectrogram", "holds 0 rows; one track"),
    "a bomb of zeros": (
        lambda: _parquet(_with("patches", _TOO_MANY), compression="zstd"),
        "too_large",
        "patches",
    ),
    "a bomb of few pages": (
        lambda: _parquet(_with("patches", _TOO_MANY.cast(pa.list_(pa.float32()))), use_dictionary=True),
        "too_large",
        "patches",
    ),
    "a bomb of text": (
        lambda: _parquet(_with("uri", pa.array(["a" * (8 << 20)]))),
        "too_large",
        "other columns",
    ),
    "another table": (lambda: _parquet(pa.table({"a": [1]})), "incomplete_spectrogram", "is missing"),
    "patches of text": (
        lambda: _parquet(_with("patches", pa.array(["loud"]))),
        "incomplete_spectrogram",
        "patches holds something else",
    ),
    "patches that are missing": (
        lambda: _parquet(_with("patches", pa.array([None], pa.list_(pa.float16())))),
        "incomplete_spectrogram",
        "patches is missing",
    ),
    "a cut file": (lambda: _parquet(_table())[:-20], "unreadable_spectrogram", "footer is missing"),
    "a footer longer than the file": (
        lambda: _parquet(_table())[:-8] + struct.pack("<I", 1 << 31) + b"PAR1",
        "unreadable_spectrogram",
        "footer is missing",
    ),
    "a footer of other bytes": (
        lambda: b"PAR1" + b"\x7f" * 500 + struct.pack("<I", 400) + b"PAR1",
        "unreadable_spectrogram",
        "cut or damaged",
    ),
}


@pytest.mark.parametrize(("content", "word", "told"), HOSTILE_PARQUET.values(), ids=HOSTILE_PARQUET)
def test_a_parquet_file_that_is_none_is_one_failure(
    content: Callable[[], bytes], word: str, told: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet_form, "MOST_PATCH_BYTES", 1 << 20)
    error = _error_of(PARQUET, content())

    assert (error.stage, error.error, error.retriable) == ("decode", word, False)
    assert told in error.message


def _framed(message: bytes, *, length: int | None = None) -> bytes:
    head = struct.pack("<Q", len(message) if length is None else length)
    return head + _masked_checksum(head) + message + _masked_checksum(message)


def _example(name: str, value: bytes) -> bytes:
    example = Example.FromString(file_of(record_with(), TFRECORD)[12:-4])
    example.features.feature[name].bytes_list.value[:] = [value]
    return example.SerializeToString()


HOSTILE_TFRECORD = {
    "a length beyond the file": (_framed(b"short", length=1 << 60), "unreadable_spectrogram", "are there"),
    "a damaged length": (b"\1" + _framed(b"short")[1:], "unreadable_spectrogram", "of its length"),
    "a damaged message": (
        _framed(b"short")[:12] + b"shirt" + _framed(b"short")[17:],
        "unreadable_spectrogram",
        "of its content",
    ),
    "a cut file": (file_of(record_with(), TFRECORD)[:-1], "unreadable_spectrogram", "are there"),
    "two records": (file_of(record_with(), TFRECORD) * 2, "unreadable_spectrogram", "one track a file"),
    "another message": (_framed(b"\xff\xff\xff"), "unreadable_spectrogram", "no tf.train.Example"),
    "an empty message": (_framed(b""), "incomplete_spectrogram", "schema_version is missing"),
    "a text that is none": (
        _framed(_example("uri", b"\xff")),
        "incomplete_spectrogram",
        "uri holds something else than text",
    ),
    "half a number": (
        _framed(_example("patches", b"\0\0\0")),
        "incomplete_spectrogram",
        "patches holds something else",
    ),
    "two numbers": (_framed(_example("decoded_s", bytes(16))), "incomplete_spectrogram", "decoded_s"),
    "a text in place of a number": (
        _framed(_example("channels", b"2")),
        "incomplete_spectrogram",
        "int64_list",
    ),
}


@pytest.mark.parametrize(("content", "word", "told"), HOSTILE_TFRECORD.values(), ids=HOSTILE_TFRECORD)
def test_a_tfrecord_that_is_none_is_one_failure(content: bytes, word: str, told: str) -> None:
    error = _error_of(TFRECORD, content)

    assert (error.stage, error.error, error.retriable) == ("decode", word, False)
    assert told in error.message


@pytest.mark.parametrize("form", FORMS, ids=[form.name for form in FORMS])
@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_damaged_file_is_read_or_is_one_failure(form: SpectrogramForm, data: st.DataObject) -> None:
    content = bytearray(file_of(record_with(), form))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    damaged = bytes(content[: data.draw(st.integers(0, len(content)) | st.just(len(content)))])

    try:
        form.read(io.BytesIO(damaged), 0)
        list(form.headings(io.BytesIO(damaged)))
    except TrackError as error:
        assert error.error in {"unreadable_spectrogram", "incomplete_spectrogram", "too_large"}


@settings(max_examples=50, deadline=None)
@given(head=st.binary(max_size=64))
def test_any_bytes_have_a_form_or_none(head: bytes) -> None:
    form = form_of(head)

    assert form is None or form.recognizes(head)


def test_settings_are_told_in_words_that_people_can_use() -> None:
    given_settings = json.loads(str(values_of(record_with())["frontend_settings"])) | {"fft_length": 513}

    error = _error_of(NPZ, _npz(frontend_settings=json.dumps(given_settings)))

    assert error.message == "frontend_settings: fft_length: expected an even number, since frames are centred"
