"""A cluster's worker that follows a bundle root: what it scores with, tells, and keeps in memory."""

from __future__ import annotations

import gc
import shutil
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pytest
import torch
from apache_beam.ml.inference.base import RunInference
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from tests.bundle_roots import point_at
from tests.catalog import table
from tests.toy_architecture import ToyArchitecture, write_bundle
from tests.tracks import prepared_of
from tonearm.models.architectures import ARCHITECTURES
from tonearm.models.bundles.files import BundleError
from tonearm.models.bundles.loading import load_tagger
from tonearm.models.engines import shared
from tonearm.models.front_end import FrontEnd
from tonearm.pipelines.following import followed_tagger
from tonearm.pipelines.following.followed_tagger import FollowedTagger, FollowRoot
from tonearm.pipelines.following.turn_rows import TurnRows
from tonearm.pipelines.runs.bundles.changed_bundle import require_same_bundle
from tonearm.pipelines.runs.metrics import counters
from tonearm.pipelines.runs.order import IngestOrder, new_record
from tonearm.pipelines.runs.stream_input import StreamInput
from tonearm.transforms.elements.settings import AnalysisSettings
from tonearm.transforms.elements.track import Track
from tonearm.transforms.features.prepared import PreparedTrack
from tonearm.transforms.tables.outputs import output_at
from tonearm.transforms.tagging.at_work import LoadPinned
from tonearm.transforms.tagging.inference import TaggerHandler


class Stream:
    """A stream that follows a root, as it was submitted when the first version was current."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.root = folder / "root"
        self.output = folder / "tables"
        for version in range(1, 4):
            write_bundle(self.bundle(version), ["one"], version=version)
        point_at(self.root, self.bundle(1))
        self.settings = AnalysisSettings(tagger=str(self.root / "toy@1"))
        tagger = load_tagger(self.settings.tagger)
        order = IngestOrder(StreamInput(), (str(self.output),), self.settings, root=str(self.root))
        self.row = new_record(order, tagger, mode="streaming", run_id="20260314T110000-run").row()
        turn_rows = TurnRows(output_at([str(self.output)]), self.row)
        fingerprint = tagger.front_end.fingerprint
        self.follow = FollowRoot(str(self.root), tagger.bundle_hash, fingerprint, str(self.output), turn_rows)

    def bundle(self, version: int) -> Path:
        """Where a version of the tagger lies, that is in no root yet."""
        return self.folder / f"bundle-{version}"

    def worker(self) -> FollowedTagger:
        """A worker that starts now."""
        return self.follow(self.settings)

    def scores_by(self, version: int, prepared: PreparedTrack) -> np.ndarray:
        """What a version's network says of a track, by its PyTorch definition."""
        (network,) = load_tagger(str(self.bundle(version))).build_networks()
        with torch.no_grad():
            scores, _ = network(torch.from_numpy(prepared.spectrogram.patches))
        return np.asarray(scores.mean(dim=0))

    def turns(self) -> dict[str, dict[str, Any]]:
        """The rows of turns, by the number of the move."""
        return {row["run_id"].rpartition("-")[2]: row for row in table(self.output, "runs")}


@pytest.fixture
def stream(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Stream:
    monkeypatch.setitem(ARCHITECTURES, "toy", ToyArchitecture())
    monkeypatch.setattr(shared, "_shared", {})
    monkeypatch.setattr(followed_tagger, "LOOK_SECONDS", 0.0)
    return Stream(tmp_path)


def test_scores_are_those_of_the_tagger_that_the_analysis_names_and_the_old_engine_is_freed(
    stream: Stream,
) -> None:
    handler = TaggerHandler(stream.settings, stream.follow)
    model = handler.load_model()
    old = weakref.ref(model.tagger.present().engine)
    tagger = load_tagger(stream.settings.tagger)
    prepared = prepared_of(Track("a", "/a.flac"), tagger, level=0.5)
    for version in (1, 2, 1):
        point_at(stream.root, stream.bundle(version))
        (analysis,) = handler.run_inference([prepared], model)
        assert analysis.tagger == f"toy@{version}"
        np.testing.assert_allclose(analysis.scores, stream.scores_by(version, prepared), atol=1e-5)
        if version == 2:
            gc.collect()
            assert old() is None
    assert np.abs(stream.scores_by(1, prepared) - stream.scores_by(2, prepared)).max() > 1e-3


def break_its_weights(stream: Stream) -> None:
    point_at(stream.root, stream.bundle(2), damaged=True)


def give_it_another_front_end(stream: Stream) -> None:
    shutil.rmtree(stream.bundle(2))
    write_bundle(stream.bundle(2), ["one"], front_end=FrontEnd(patch_hop_frames=99), version=2)
    point_at(stream.root, stream.bundle(2))


def lose_its_files(stream: Stream) -> None:
    point_at(stream.root, stream.bundle(2))
    shutil.rmtree(stream.root / "toy@2")


@pytest.mark.parametrize(
    ("break_it", "reason"),
    [
        (break_its_weights, "toy@2: one.safetensors"),
        pytest.param(give_it_another_front_end, "toy@2 has another front end", marks=pytest.mark.slow),
        pytest.param(lose_its_files, "toy@2: Cannot read bundle.json", marks=pytest.mark.slow),
    ],
)
def test_a_bundle_that_cannot_take_over_leaves_the_old_one_at_work_and_runs_tells_why(
    stream: Stream,
    break_it: Callable[[Stream], None],
    reason: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    at_work = stream.worker()
    break_it(stream)
    assert [at_work.present().tagger.identity for _ in range(3)] == ["toy@1"] * 3
    assert stream.worker().present().tagger.identity == "toy@1"  # a worker that is started only now
    (row,) = stream.turns().values()
    assert (row["tagger"], row["n_seen"], row["ended"]) == ("toy@1", 0, row["started"])
    assert dict(row["settings"])["refused_tagger"].startswith(reason)
    assert sum("goes on tagging" in message for message in caplog.messages) == 2  # once by each worker
    point_at(stream.root, stream.bundle(3))
    assert at_work.present().tagger.identity == "toy@3"
    assert "refused_tagger" not in dict(stream.turns()["3"]["settings"])


def test_a_pointer_that_is_gone_or_damaged_ends_nothing(stream: Stream) -> None:
    at_work = stream.worker()
    for spoil in (Path.unlink, lambda pointer: pointer.write_text("{")):
        spoil(stream.root / "current")
        assert at_work.present().tagger.identity == "toy@1"
        assert stream.worker().present().tagger.identity == "toy@1"
    assert "is damaged" in dict(stream.turns()["0"]["settings"])["refused_tagger"]


def test_runs_has_one_row_a_promotion_however_many_workers_change_over(stream: Stream) -> None:
    workers = [stream.worker(), stream.worker()]
    point_at(stream.root, stream.bundle(2))
    assert {worker.present().tagger.identity for worker in workers} == {"toy@2"}
    assert stream.worker().present().tagger.identity == "toy@2"
    tagger = load_tagger(str(stream.root / "toy@2"))
    (row,) = table(stream.output, "runs")
    assert (row["run_id"], row["tagger"]) == ("20260314T110000-run-2", "toy@2")
    assert (row["bundle_sha256"], row["ended"]) == (tagger.bundle_hash, None)
    require_same_bundle(str(stream.output), tagger)


def test_an_output_that_takes_no_row_costs_no_track_and_the_row_is_written_later(
    stream: Stream, caplog: pytest.LogCaptureFixture
) -> None:
    at_work = stream.worker()
    point_at(stream.root, stream.bundle(2))
    stream.output.mkdir()
    (stream.output / "runs").write_text("in the way")
    assert at_work.present().tagger.identity == "toy@2"
    assert "runs does not tell yet of a tagger's turn" in caplog.text
    (stream.output / "runs").unlink()
    assert at_work.present().tagger.identity == "toy@2"
    assert [row["tagger"] for row in stream.turns().values()] == ["toy@2"]


@pytest.mark.slow
def test_changes_are_counted(stream: Stream, monkeypatch: pytest.MonkeyPatch) -> None:
    tagger = load_tagger(stream.settings.tagger)
    moves = iter([(1, False), (2, False), (3, True), (1, False)])
    look = FollowedTagger.present

    def flip_before(at_work: FollowedTagger) -> Any:
        version, damaged = next(moves, (1, False))
        point_at(stream.root, stream.bundle(version), damaged=damaged)
        return look(at_work)

    monkeypatch.setattr(FollowedTagger, "present", flip_before)
    with beam.Pipeline(runner=FnApiRunner()) as pipeline:
        handler = TaggerHandler(stream.settings, stream.follow)
        numbers = pipeline | beam.Create([str(number) for number in range(6)], reshuffle=False)
        batches = numbers | beam.Map(lambda number: prepared_of(Track(number, "/a.flac"), tagger, patches=64))
        _ = batches | RunInference(handler)
    counted = counters(pipeline.result.metrics())
    assert (counted["taggers_taken_over"], counted["taggers_refused"]) == (2, 1)


def test_a_worker_with_another_bundle_of_the_same_name_takes_no_part(stream: Stream) -> None:
    with pytest.raises(BundleError, match="another bundle here than the one that the job began with"):
        LoadPinned("0" * 64)(stream.settings)
