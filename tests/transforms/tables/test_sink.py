"""The sink on a runner that groups: every track once, and a batch written twice stands once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.testing import test_stream

from tests.catalog import files_below, keys, table
from tests.tracks import analysis_of, shadowed
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Failure, Stage, TrackError
from tonearm.transforms.elements.track import Track
from tonearm.transforms.storage.objects import write_object
from tonearm.transforms.tables.contract import TableWriter
from tonearm.transforms.tables.parquet.files import ParquetWriter, file_name
from tonearm.transforms.tables.refusal import Refusal, RowsRefusedError
from tonearm.transforms.tables.rows import Provenance, rows_of
from tonearm.transforms.tables.schemas import Row
from tonearm.transforms.tables.sink import FileBatchWriter, GatherDurably, GatherInBundle, WriteTables

PROVENANCE = Provenance("run", "musicnn@1", "98e098809151")
TRACKS = [Track(f"track {number}", f"/music/{number}.flac", "1-10") for number in range(7)]


def write(folder: Path, gather: beam.PTransform) -> None:
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        analyses = pipeline | beam.Create([analysis_of(track) for track in TRACKS])
        analyses | WriteTables(gather, ParquetWriter(str(folder)), PROVENANCE)


@pytest.mark.parametrize("gather", [GatherInBundle, GatherDurably])
@pytest.mark.parametrize(("tracks_per_file", "files"), [(1000, 1), (3, 3)])
def test_every_track_is_written_once_in_batches(
    tmp_path: Path, gather: Callable[[int], beam.PTransform], tracks_per_file: int, files: int
) -> None:
    write(tmp_path, gather(tracks_per_file))
    assert [key[0] for key in keys(tmp_path)] == [track.track_id for track in TRACKS]
    assert len(table(tmp_path, "segments")) == 2 * len(TRACKS)
    assert len(list((tmp_path / "track_tags").rglob("*.parquet"))) == files


def test_a_batch_that_is_written_again_overwrites_itself(tmp_path: Path) -> None:
    write(tmp_path, GatherDurably())
    before = files_below(tmp_path)
    write(tmp_path, GatherDurably())
    assert files_below(tmp_path) == before
    assert len(keys(tmp_path)) == len(TRACKS)


def test_a_file_is_named_by_its_rows_whatever_their_order() -> None:
    rows = [row for track in TRACKS for row in rows_of(analysis_of(track), PROVENANCE)["track_tags"]]
    assert file_name("track_tags", rows) == file_name("track_tags", rows[::-1])
    assert file_name("track_tags", rows) != file_name("track_tags", rows[1:])


@dataclass(frozen=True)
class RefusingWriter:
    """Refuses some rows of one table."""

    folder: str
    table: str
    track_ids: tuple[str, ...]

    def write(self, table: str, rows: Sequence[Row]) -> int:
        """See :class:`TableWriter`."""
        refused = [row for row in rows if table == self.table and row["track_id"] in self.track_ids]
        written = ParquetWriter(self.folder).write(table, [row for row in rows if row not in refused])
        if refused:
            raise RowsRefusedError(table, [Refusal(row, "too large") for row in refused])
        return written


def test_a_shadow_whose_row_is_refused_costs_its_track_nothing(tmp_path: Path) -> None:
    outcomes = [shadowed(analysis_of(track)) for track in TRACKS]
    writer = RefusingWriter(str(tmp_path), "shadow_tags", ("track 3",))
    batch_writer = FileBatchWriter(writer, PROVENANCE)
    written = batch_writer.write(outcomes)
    assert [key[0] for key in keys(tmp_path)] == [track.track_id for track in TRACKS]
    assert not table(tmp_path, "failures")
    assert [row["track_id"] for row in table(tmp_path, "shadow_tags")] == [
        track.track_id for track in TRACKS if track.track_id != "track 3"
    ]
    counts = {name: len(rows) for name, rows in batch_writer.rows_of(written).items()}
    assert (counts["track_tags"], counts["shadow_tags"], counts["failures"]) == (7, 6, 0)


def test_a_track_that_is_refused_leaves_no_row_of_its_shadow_in_what_is_counted(tmp_path: Path) -> None:
    outcomes = [shadowed(analysis_of(track)) for track in TRACKS]
    writer = RefusingWriter(str(tmp_path), "segments", ("track 3",))
    batch_writer = FileBatchWriter(writer, PROVENANCE)
    counts = {name: len(rows) for name, rows in batch_writer.rows_of(batch_writer.write(outcomes)).items()}
    assert (counts["track_tags"], counts["shadow_tags"], counts["failures"]) == (6, 6, 1)
    assert len(table(tmp_path, "shadow_tags")) == 6


def test_failures_of_one_track_id_stand_side_by_side_whatever_their_batches(tmp_path: Path) -> None:
    """As rows of a manifest that have one id and no object."""
    for uri, word in (("/gone.flac", ErrorWord.NOT_FOUND), ("/other.flac", ErrorWord.DUPLICATE_TRACK_ID)):
        failure = Failure.of(Track("one", uri, named=True), TrackError(Stage.SOURCE, word, "told"))
        ParquetWriter(str(tmp_path)).write("failures", rows_of(failure, PROVENANCE)["failures"])
    assert sorted(row["uri"] for row in table(tmp_path, "failures")) == ["/gone.flac", "/other.flac"]


def test_a_reader_never_sees_half_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The target is there only once the content is whole: it comes by a rename."""
    target = tmp_path / "track_tags" / "part.parquet"
    seen: list[tuple[bool, bytes]] = []
    rename = Path.replace

    def watched(source: Path, to: str) -> Path:
        seen.append((target.exists(), source.read_bytes()))
        return rename(source, to)

    monkeypatch.setattr(Path, "replace", watched)
    write_object(str(target), b"whole")
    assert seen == [(False, b"whole")]
    assert files_below(tmp_path / "track_tags") == ["part.parquet"]


def stream(writer: TableWriter, events: test_stream.TestStream) -> None:
    """Drive the sink as an unbounded source does, on the runner that tries a failed bundle again."""
    with beam.Pipeline("BundleBasedDirectRunner", options=PipelineOptions(["--streaming"])) as pipeline:
        analyses = pipeline | events | beam.Map(analysis_of)
        analyses | WriteTables(GatherDurably(3, max_wait_seconds=60), writer, PROVENANCE)


def test_what_comes_behind_the_watermark_is_written_all_the_same(tmp_path: Path) -> None:
    events = (
        test_stream.TestStream()
        .add_elements(TRACKS[:2])
        .advance_watermark_to(10**6)
        .add_elements(TRACKS[2:5])
        .advance_watermark_to(10**9)
        .add_elements(TRACKS[5:6])
        .advance_watermark_to_infinity()
    )
    stream(ParquetWriter(str(tmp_path)), events)
    assert [key[0] for key in keys(tmp_path)] == [track.track_id for track in TRACKS[:6]]
    assert len(list((tmp_path / "track_tags").rglob("*.parquet"))) == 2


@dataclass(frozen=True)
class DyingWriter:
    """Writes, and then dies the first time it wrote a table."""

    root: str

    def write(self, table: str, rows: Sequence[Row]) -> int:
        """See :class:`TableWriter`."""
        written = ParquetWriter(self.root).write(table, rows)
        mark = Path(self.root) / f"died after {table}"
        if not mark.exists():
            mark.touch()
            raise ConnectionError("the worker is gone")
        return written


def test_a_bundle_that_is_tried_again_after_it_was_written_doubles_nothing(tmp_path: Path) -> None:
    events = test_stream.TestStream().add_elements(TRACKS[:6]).advance_watermark_to_infinity()
    stream(DyingWriter(str(tmp_path)), events)
    assert len(list(tmp_path.glob("died after *"))) == 3
    assert [key[0] for key in keys(tmp_path)] == [track.track_id for track in TRACKS[:6]]
    assert len(table(tmp_path, "segments")) == 2 * 6
