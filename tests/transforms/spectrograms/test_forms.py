"""The three forms of file: what is written is read, by this project and by the tools that people have."""

from __future__ import annotations

import io
import json
from dataclasses import asdict, replace
from pathlib import Path

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from tests.spectrogram_files import SMALL, file_of, record_with
from tests.tracks import FACTS
from tonearm.models.front_end import FrontEnd
from tonearm.transforms.elements.failure import TrackError
from tonearm.transforms.spectrograms.form import SpectrogramForm
from tonearm.transforms.spectrograms.forms import FORMS, form_of
from tonearm.transforms.spectrograms.keys import values_of
from tonearm.transforms.spectrograms.parquet_form import FILE_OPTIONS, SCHEMA, ParquetForm, row_of
from tonearm.transforms.spectrograms.record import SpectrogramRecord

BY_NAME = {form.name: form for form in FORMS}
each_form = pytest.mark.parametrize("form", FORMS, ids=BY_NAME)

_texts = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=20)
_seconds = st.floats(0, 1e6)


@st.composite
def records(draw: st.DrawFn) -> SpectrogramRecord:
    count = draw(st.integers(0, 3))
    patch = (SMALL.patch_frames, SMALL.mel_bands)
    return record_with(
        track_id=draw(_texts.filter(bool)),
        uri=draw(_texts),
        generation=draw(_texts),
        facts=replace(
            FACTS,
            codec=draw(_texts),
            duration_s=draw(st.none() | _seconds),
            decoded_s=draw(_seconds),
            truncated=draw(st.booleans()),
            downmix_loss_db=draw(st.none() | st.floats(0, 120)),
            level_db=draw(st.none() | st.floats(-120, 0)),
        ),
        silent=draw(st.booleans()),
        starts_s=draw(arrays.arrays(np.float64, count, elements=_seconds)),
        patches=draw(arrays.arrays(np.float16, (count, *patch), elements=st.floats(0, 10, width=16))),
        metadata=draw(st.dictionaries(_texts, _texts, max_size=3)),
    )


def _assert_same(read: SpectrogramRecord, written: SpectrogramRecord) -> None:
    expected = values_of(written)
    for name, value in values_of(read).items():
        if isinstance(value, np.ndarray):
            assert value.dtype == expected[name].dtype
            assert value.shape == expected[name].shape
            assert value.tobytes() == expected[name].tobytes()
        else:
            assert value == expected[name], name


@each_form
@settings(max_examples=20, deadline=None)
@given(record=records())
def test_a_record_is_read_as_it_was_written(form: SpectrogramForm, record: SpectrogramRecord) -> None:
    content = file_of(record, form)

    assert form_of(content[:16]) is form
    (heading,) = form.headings(io.BytesIO(content))
    assert (heading.place, heading.track_id, heading.uri) == (0, record.track_id, record.uri)
    assert (heading.generation, heading.metadata) == (record.generation, record.metadata)
    _assert_same(form.read(io.BytesIO(content), 0), record)


def test_a_track_among_many_is_read_without_the_others() -> None:
    file = io.BytesIO()
    numbers = np.random.default_rng(1).random((4, 187, 96)).astype(np.float16)
    written = [
        record_with(FrontEnd(), track_id=f"track {n}", starts_s=np.arange(4.0), patches=numbers + n)
        for n in range(10)
    ]
    pq.write_table(pa.Table.from_pylist([row_of(each) for each in written], SCHEMA), file, **FILE_OPTIONS)
    counted = _Counted(file.getvalue())

    headings = list(ParquetForm().headings(file))
    read = ParquetForm().read(counted, headings[7].place)

    assert [heading.track_id for heading in headings] == [record.track_id for record in written]
    _assert_same(read, written[7])
    assert counted.bytes_read < 2 * len(file.getvalue()) / len(written)


class _Counted(io.BytesIO):
    """A file that counts how many of its bytes are read."""

    bytes_read = 0

    def read(self, size: int | None = -1) -> bytes:
        content = super().read(size)
        self.bytes_read += len(content)
        return content


def test_numpy_reads_npz_without_pickles() -> None:
    record = record_with()
    with np.load(io.BytesIO(file_of(record, BY_NAME["npz"])), allow_pickle=False) as arrays_by_name:
        assert str(arrays_by_name["track_id"]) == record.track_id
        assert arrays_by_name["patches"].dtype == np.float16
        assert np.array_equal(arrays_by_name["patches"], record.patches)
        assert json.loads(str(arrays_by_name["metadata"])) == record.metadata
        assert json.loads(str(arrays_by_name["frontend_settings"])) == asdict(SMALL)


def test_duckdb_reads_parquet(tmp_path: Path) -> None:
    record = record_with()
    (tmp_path / "a.parquet").write_bytes(file_of(record, BY_NAME["Parquet"]))

    (row,) = duckdb.sql(
        f"SELECT track_id, starts_s, patches, metadata, duration_s FROM '{tmp_path}/a.parquet'"
    ).fetchall()

    track_id, starts_s, patches, metadata, duration_s = row
    assert (track_id, metadata, duration_s) == ("a", record.metadata, FACTS.duration_s)
    assert starts_s == record.starts_s.tolist()
    assert patches == record.patches.ravel().tolist()


def test_tensorflow_reads_and_writes_the_same_records(tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow", reason="it has an environment of its own")
    record, form = record_with(), BY_NAME["TFRecord"]
    path = tmp_path / "a.tfrecord"
    path.write_bytes(file_of(record, form))

    (message,) = tf.data.TFRecordDataset(str(path)).as_numpy_iterator()
    one = {"track_id": tf.string, "patches": tf.string, "starts_s": tf.string, "channels": tf.int64}
    parsed = tf.io.parse_single_example(
        message, {name: tf.io.FixedLenFeature([], kind) for name, kind in one.items()}
    )
    patches = tf.reshape(tf.io.decode_raw(parsed["patches"], tf.float16), record.patches.shape)
    assert parsed["track_id"].numpy() == b"a"
    assert parsed["channels"].numpy() == FACTS.channels
    assert np.array_equal(patches.numpy(), record.patches)
    assert np.array_equal(tf.io.decode_raw(parsed["starts_s"], tf.float64).numpy(), record.starts_s)

    with tf.io.TFRecordWriter(str(path)) as writer:
        writer.write(tf.train.Example.FromString(message).SerializeToString())
    _assert_same(form.read(io.BytesIO(path.read_bytes()), 0), record)


@each_form
def test_what_is_unknown_may_be_left_out_and_what_is_needed_not(form: SpectrogramForm) -> None:
    facts = replace(FACTS, duration_s=None, downmix_loss_db=None, level_db=None)
    read = form.read(io.BytesIO(file_of(record_with(facts=facts, uri="", metadata={}), form)), 0)
    assert (read.facts, read.uri, read.metadata) == (facts, "", {})

    with pytest.raises(TrackError) as caught:
        form.read(io.BytesIO(file_of(record_with(track_id=""), form)), 0)
    assert (caught.value.error, caught.value.message) == (
        "incomplete_spectrogram",
        "the key track_id is empty",
    )
