"""Manifests of Parquet that were made to do harm are one refusal each, and cost the command nothing."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.catalog import tonearm
from tonearm.transforms.audio.isolation.process_pool import pool_of
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.sources.manifests import parquet_process
from tonearm.transforms.sources.manifests.contract import ManifestError
from tonearm.transforms.sources.manifests.parquet_process import read_parquet_isolated
from tonearm.transforms.sources.manifests.reading import manifest_or_listing, read_manifest
from tonearm.transforms.storage.contract import StorageError


@pytest.fixture(autouse=True)
def no_process_of_other_tests() -> None:
    """End the processes that other tests have left at rest."""
    pool_of(parquet_process._PROGRAM).close()


def _manifest(rows: int, **columns: pa.Array) -> bytes:
    file = io.BytesIO()
    told = {"track_id": [f"track {row}" for row in range(rows)], "uri": [f"{row}.mp3" for row in range(rows)]}
    pq.write_table(pa.table(told | columns), file, store_schema=False)
    return file.getvalue()


def _ids(content: bytes) -> list[str]:
    return [row.values["track_id"] for row in read_parquet_isolated(io.BytesIO(content), "a.parquet")]


def test_a_long_manifest_comes_in_order_and_another_one_is_read_by_the_same_process() -> None:
    content = _manifest(2500)
    assert _ids(content) == [f"track {row}" for row in range(2500)]
    (process,) = pool_of(parquet_process._PROGRAM)._idle
    assert _ids(content)[-1] == "track 2499"
    assert pool_of(parquet_process._PROGRAM)._idle == [process]


def test_a_manifest_that_is_left_half_read_keeps_no_process() -> None:
    rows = read_parquet_isolated(io.BytesIO(_manifest(50_000)), "a.parquet")
    assert next(rows).values["track_id"] == "track 0"
    rows.close()
    assert pool_of(parquet_process._PROGRAM)._idle == []
    assert _ids(_manifest(1)) == ["track 0"]


def test_few_bytes_that_unpack_to_gigabytes_are_refused_and_take_no_memory_of_the_command(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """Each of a thousand rows refers to one text of four megabytes."""
    bomb = pa.DictionaryArray.from_arrays(np.zeros(1000, np.int32), pa.array(["a" * (4 << 20)]))
    (tmp_path / "a.parquet").write_bytes(_manifest(1000, title=bomb))
    assert (tmp_path / "a.parquet").stat().st_size < 1 << 20
    Path("/proc/self/clear_refs").write_text("5")  # the peak is that from now on
    before = _memory("VmRSS")

    assert tonearm("ingest", tmp_path / "a.parquet", "--output", tmp_path / "tables") == 2

    assert "a.parquet: cannot be read as a manifest: it takes more than" in capfd.readouterr().err
    assert _memory("VmHWM") - before < 256 << 10


def test_a_manifest_that_ends_the_process_that_reads_it_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.parquet").write_bytes(_manifest(3))
    found, _ = manifest_or_listing(str(tmp_path / "a.parquet"))
    assert len(list(read_manifest(found))) == 3
    (process,) = pool_of(parquet_process._PROGRAM)._idle
    handed_over = process.decode

    def decode_and_die(descriptor: int, rate_hz: int) -> None:
        process._child.kill()
        process._child.wait()
        handed_over(descriptor, rate_hz)

    monkeypatch.setattr(process, "decode", decode_and_die)
    with pytest.raises(ManifestError, match=r"a\.parquet: cannot be read as a manifest: .* died: SIGKILL"):
        list(read_manifest(found))
    assert len(list(read_manifest(found))) == 3


def test_what_the_store_refuses_is_the_error() -> None:
    class ClosedStore(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise StorageError(ErrorWord.FORBIDDEN, "no")

    with pytest.raises(StorageError, match="no"):
        list(read_parquet_isolated(ClosedStore(_manifest(1)), "a.parquet"))


def _memory(name: str) -> int:
    """A figure of this process's memory, in KiB."""
    (line,) = re.findall(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    return int(line)
