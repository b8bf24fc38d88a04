"""A changed bundle under its old version is not taken for the one that tagged: the command says so."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from tests.catalog import counts, last_run, table, tonearm
from tests.toy_architecture import ToyArchitecture, write_bundle
from tonearm.models.architectures import ARCHITECTURES
from tonearm.models.bundles.loading import load_tagger
from tonearm.models.bundles.tagger import Tagger
from tonearm.pipelines.runs.bundles.changed_bundle import (
    ChangedBundleError,
    require_same_bundle,
    require_same_shadow,
)
from tonearm.pipelines.runs.record import RunRecord
from tonearm.transforms.tables.parquet.files import ParquetWriter
from tonearm.transforms.tables.rows import Provenance

MORNING = datetime(2026, 1, 1, 8, tzinfo=UTC)
OTHER = "f" * 64


@pytest.fixture(scope="module", autouse=True)
def toy() -> Iterator[None]:
    """The toy architecture is known."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ARCHITECTURES, "toy", ToyArchitecture())
        yield


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return write_bundle(tmp_path / "bundle", ["first"])


@pytest.fixture
def changed(bundle: Path, tmp_path: Path) -> Path:
    """The bundle with another threshold, and the same version."""
    copy = Path(shutil.copytree(bundle, tmp_path / "changed"))
    bundle_json = json.loads((copy / "bundle.json").read_text())
    bundle_json["tags"]["rock"]["threshold"] = 0.9
    (copy / "bundle.json").write_text(json.dumps(bundle_json))
    return copy


def test_tracks_of_a_changed_bundle_are_not_taken_for_done(
    songs: Path, output: Path, bundle: Path, changed: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert tonearm("ingest", songs, "--output", output, "--tagger", bundle) == 0
    assert last_run(output)["bundle_sha256"] == load_tagger(str(bundle)).bundle_hash
    capsys.readouterr()

    assert tonearm("ingest", songs, "--output", output, "--tagger", changed) == 2
    told = capsys.readouterr().err
    assert "another toy@1" in told
    assert "new version" in told and "--retag" in told
    assert len(table(output, "runs")) == 1
    assert tonearm("retry", output, "--tagger", changed) == 2

    assert tonearm("ingest", songs, "--output", output, "--tagger", changed, "--retag") == 0
    assert counts(output) == (4, 4, 0, 0)
    assert tonearm("ingest", songs, "--output", output, "--tagger", changed) == 0
    assert counts(output) == (4, 0, 4, 0)
    assert tonearm("ingest", songs, "--output", output, "--tagger", bundle) == 2


def write_run(
    output: Path,
    tagger: Tagger,
    hour: int,
    bundle_sha256: str,
    *,
    tagged: int = 5,
    killed: bool = False,
    settings: dict[str, str] | None = None,
) -> None:
    """A row of ``runs``."""
    started = MORNING + timedelta(hours=hour)
    provenance = Provenance(f"run-{hour}", tagger.identity, tagger.front_end.fingerprint)
    ended = None if killed else started + timedelta(minutes=5)
    record = RunRecord(
        provenance, "batch", settings or {}, bundle_sha256, started=started, ended=ended, tagged=tagged
    )
    ParquetWriter(str(output)).write("runs", [record.row()])


def test_what_a_killed_retag_left_of_the_old_bundle_counts(output: Path, bundle: Path) -> None:
    tagger = load_tagger(str(bundle))
    write_run(output, tagger, 1, OTHER)
    write_run(output, tagger, 2, tagger.bundle_hash, killed=True)
    with pytest.raises(ChangedBundleError, match="run run-1 tagged"):
        require_same_bundle(str(output), tagger)


@pytest.mark.parametrize("kind", ["shadow", "canary"])
def test_a_shadow_is_the_bundle_that_the_tables_have_by_its_name(
    output: Path, bundle: Path, tmp_path: Path, kind: str
) -> None:
    """Or `tonearm compare` would take two bundles for one."""
    tagger = load_tagger(str(bundle))
    first = load_tagger(str(write_bundle(tmp_path / "first", ["first"], version=2)))
    beside = {kind: tagger.identity, f"{kind}_bundle_sha256": tagger.bundle_hash}
    write_run(output, first, 1, first.bundle_hash, settings=beside)
    require_same_shadow(str(output), tagger)
    beside[f"{kind}_bundle_sha256"] = OTHER
    write_run(output, first, 2, first.bundle_hash, settings=beside)
    with pytest.raises(ChangedBundleError, match=r"run run-2 tagged with another toy@1.*compare"):
        require_same_shadow(str(output), tagger)


@pytest.mark.slow
def test_a_shadow_that_was_changed_without_a_new_version_is_refused(
    songs: Path, output: Path, bundle: Path, changed: Path, tmp_path: Path
) -> None:
    first = write_bundle(tmp_path / "first", ["first"], version=2)
    call = ("ingest", songs, "--output", output, "--tagger", first)
    assert tonearm(*call, "--shadow", bundle) == 0
    assert tonearm(*call, "--shadow", changed) == 2
    assert tonearm(*call, "--shadow", changed, "--retag") == 0


def test_a_whole_run_settles_which_bundle_the_tables_are_of(output: Path, bundle: Path) -> None:
    tagger = load_tagger(str(bundle))
    write_run(output, tagger, 1, OTHER)
    write_run(output, tagger, 2, tagger.bundle_hash)
    require_same_bundle(str(output), tagger)
    write_run(output, tagger, 3, OTHER, killed=True)
    with pytest.raises(ChangedBundleError, match="run run-3 tagged"):
        require_same_bundle(str(output), tagger)


def test_a_run_that_tagged_nothing_left_nothing(output: Path, bundle: Path) -> None:
    tagger = load_tagger(str(bundle))
    write_run(output, tagger, 1, OTHER, tagged=0)
    require_same_bundle(str(output), tagger)


def test_tables_of_an_earlier_release_say_nothing_of_bundles(output: Path, bundle: Path) -> None:
    tagger = load_tagger(str(bundle))
    write_run(output, tagger, 1, "")
    require_same_bundle(str(output), tagger)
    require_same_bundle(str(output / "not made yet"), tagger)
