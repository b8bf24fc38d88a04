"""Every kind of output keeps the contract, and a location names one kind or is refused by name."""

from __future__ import annotations

import pickle
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

import pytest

from tests.catalog import keys, tonearm, write_song
from tonearm.transforms.tables import kinds
from tonearm.transforms.tables.contract import OutputError
from tonearm.transforms.tables.holding.keep_hold import RequireHold
from tonearm.transforms.tables.kinds import KINDS, kind_of
from tonearm.transforms.tables.outputs import in_order, output_at
from tonearm.transforms.tables.parquet.kind import ParquetTables
from tonearm.transforms.tables.parquet.output import ParquetOutput
from tonearm.transforms.tables.schemas import Row
from tonearm.transforms.tables.stored_rows import table_rows

LOCATIONS = ("bigquery://project.tags", "gs://bucket/tags", "s3://bucket/tags", "tags", "file:///tags")


@pytest.mark.parametrize("location", LOCATIONS)
def test_one_kind_takes_a_location_and_its_output_travels_to_a_cluster(location: str) -> None:
    assert [kind for kind in KINDS if kind.takes(location)] == [kind_of(location)]
    output = pickle.loads(pickle.dumps(output_at([location])))
    for writer in (
        output.staging_writer("run-1"),
        output.backfill_writer("run"),
        output.backfill_journal("run", 0, RequireHold((), "run")),
        output.stream_writer(),
        output.journal("run", 0),
    ):
        pickle.loads(pickle.dumps(writer))


@pytest.mark.parametrize(
    ("location", "said"),
    [
        ("https://host/tags", "https://host/tags; an output is one folder or URL (gs://"),
        ("ftp://host/tags", "ftp://host/tags; an output is"),
        ("bigquery:project.tags", "bigquery://project.dataset"),
        ("file://tags", "file:///"),
    ],
)
def test_a_location_of_no_kind_is_a_wrong_call_that_names_what_there_is(
    songs: Path, location: str, said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(OutputError):
        in_order([location])
    assert tonearm("ingest", songs, "--output", location) == 2
    assert said in capsys.readouterr().err


def test_a_file_url_is_the_folder_that_it_names(tmp_path: Path) -> None:
    song, url = write_song(tmp_path / "a.flac"), f"file://{tmp_path}/with%20space"
    assert tonearm("ingest", song, "--output", url) == 0
    assert len(keys(tmp_path / "with space")) == 1
    assert tonearm("show", url) == 0


@dataclass
class ToyTables:
    """A third kind, as a newcomer would add it: Parquet under a scheme of its own."""

    root: Path
    locations: str = "toy://NAME"
    replaces_rows: bool = True
    asked: list[str] = field(default_factory=list)

    def __hash__(self) -> int:
        return id(self)

    def takes(self, location: str) -> bool:
        """See :class:`OutputKind`."""
        return location.startswith("toy://")

    def located(self, location: str) -> str:
        """See :class:`OutputKind`."""
        return location

    def output(self, location: str) -> ParquetOutput:
        """See :class:`OutputKind`."""
        return ParquetOutput(str(self.root / location.removeprefix("toy://")))

    def rows(
        self,
        location: str,
        table: str,
        columns: Sequence[str] | None,
        where: Mapping[str, str],
        since: date | None,
    ) -> Iterator[Row]:
        """See :class:`OutputKind`."""
        self.asked.append(table)
        folder = str(self.root / location.removeprefix("toy://"))
        return ParquetTables().rows(folder, table, columns, where, since)

    def storage_api_sink(self, location: str, provenance: object) -> None:
        """See :class:`OutputKind`; it has none."""


def test_a_third_kind_is_one_entry(
    songs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    toy = ToyTables(tmp_path)
    monkeypatch.setattr(kinds, "KINDS", (*KINDS, toy))
    for _ in range(2):
        assert tonearm("ingest", songs, "--output", "toy://one", "--output", tmp_path / "two") == 0
    assert keys(tmp_path / "one") == keys(tmp_path / "two")
    assert in_order([str(tmp_path), "toy://one"]) == ("toy://one", str(tmp_path))
    assert tonearm("ingest", songs, "--output", "toy://one") == 0
    assert "track_tags" in toy.asked
    assert tonearm("show", "toy://one") == 0
    assert "opus.opus" in capsys.readouterr().out
    assert len(list(table_rows("toy://one", "track_tags"))) == 4
