"""Reading in a process of its own: what comes back, and what files cost that are made to cost much."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.spectrogram_files import file_of, record_with
from tonearm.models.front_end import FrontEnd
from tonearm.transforms.audio.isolation.process_pool import pool_of
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import TrackError
from tonearm.transforms.spectrograms.form import SpectrogramForm
from tonearm.transforms.spectrograms.forms import FORMS
from tonearm.transforms.spectrograms.isolation import isolated_file
from tonearm.transforms.spectrograms.isolation.isolated_file import (
    read_headings_isolated,
    read_record_isolated,
)
from tonearm.transforms.spectrograms.keys import values_of
from tonearm.transforms.spectrograms.parquet_form import FILE_OPTIONS, SCHEMA, ParquetForm, row_of
from tonearm.transforms.storage.contract import StorageError


@pytest.fixture(autouse=True)
def no_process_of_other_tests() -> None:
    """End the processes that other tests have left at rest."""
    pool_of(isolated_file._PROGRAM).close()


@pytest.mark.parametrize("form", FORMS, ids=[form.name for form in FORMS])
def test_a_record_comes_back_as_it_is(form: SpectrogramForm) -> None:
    record = record_with(FrontEnd(), count=70, metadata={"title": "Grüße"})
    file = io.BytesIO(file_of(record, form))

    read = values_of(read_record_isolated(file, 0))

    for name, value in values_of(record).items():
        assert np.array_equal(read[name], value), name
    assert read["patches"].dtype == np.float16
    assert read_headings_isolated(file) == list(form.headings(file))


def test_an_error_is_that_of_the_form_and_the_process_reads_on() -> None:
    content = file_of(record_with(), ParquetForm())
    for damaged in (content[:-9], b"hello, I am no spectrogram", b""):
        with pytest.raises(TrackError) as caught:
            read_record_isolated(io.BytesIO(damaged), 0)
        assert caught.value.error is ErrorWord.UNREADABLE_SPECTROGRAM
    (process,) = pool_of(isolated_file._PROGRAM)._idle
    assert read_record_isolated(io.BytesIO(content), 0).track_id == "a"
    assert pool_of(isolated_file._PROGRAM)._idle == [process]


class _ClosedStore(io.BytesIO):
    """A file whose store refuses it after the first bytes."""

    def read(self, size: int | None = -1) -> bytes:
        if self.tell() > 16:
            raise StorageError(ErrorWord.FORBIDDEN, "no")
        return super().read(size)


def test_what_the_store_refuses_is_the_error() -> None:
    with pytest.raises(StorageError, match="no"):
        read_record_isolated(_ClosedStore(file_of(record_with(), ParquetForm())), 0)
    assert read_record_isolated(io.BytesIO(file_of(record_with(), ParquetForm())), 0).track_id == "a"


def test_a_process_that_dies_is_replaced() -> None:
    content = file_of(record_with(), ParquetForm())
    read_record_isolated(io.BytesIO(content), 0)
    (process,) = pool_of(isolated_file._PROGRAM)._idle

    class Killing(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            process._child.kill()
            process._child.wait()
            return super().read(size)

    with pytest.raises(TrackError) as caught:
        read_record_isolated(Killing(content), 0)
    assert (caught.value.error, caught.value.retriable) == (ErrorWord.DECODER_DIED, True)
    assert read_record_isolated(io.BytesIO(content), 0).track_id == "a"


@pytest.mark.slow
def test_a_footer_that_lies_about_a_bomb_costs_the_worker_nothing() -> None:
    """A page of 500 MiB whose footer says 100 bytes: no check of sizes sees it before it is unpacked."""
    bytes_of_text = 500 << 20
    row = row_of(record_with()) | {"uri": "a" * bytes_of_text}
    file = io.BytesIO()
    pq.write_table(pa.Table.from_pylist([row], SCHEMA), file, **FILE_OPTIONS | {"write_statistics": False})
    del row
    content = file.getvalue()
    footer = len(content) - 8 - int.from_bytes(content[-8:-4], "little")
    size = pq.ParquetFile(file).metadata.row_group(0).column(2).total_uncompressed_size
    lied = content[footer:].replace(_varint(2 * size), b"\xc8\x81\x80\x80\x00")
    assert lied != content[footer:]
    lied_of = pq.ParquetFile(io.BytesIO(content[:footer] + lied)).metadata.row_group(0).column(2)
    assert lied_of.total_uncompressed_size == 100

    Path("/proc/self/clear_refs").write_text("5")  # the peak is that from now on
    before = _memory("VmRSS")
    with pytest.raises(TrackError) as caught:
        read_record_isolated(io.BytesIO(content[:footer] + lied), 0)

    assert (caught.value.error, caught.value.retriable) == (ErrorWord.TOO_LARGE, False)
    assert _memory("VmHWM") - before < 64 << 10
    assert read_record_isolated(io.BytesIO(file_of(record_with(), ParquetForm())), 0).track_id == "a"


def _memory(name: str) -> int:
    """A figure of this process's memory, in KiB."""
    (line,) = re.findall(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(line)


def _varint(number: int) -> bytes:
    """A number as Thrift's compact protocol writes it, seven bits a byte."""
    content = bytearray()
    while number >= 0x80:
        content.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes(content) + bytes([number])
