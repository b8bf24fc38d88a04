"""A stream that follows a bundle root: each row's scores are those of the tagger that it names."""

from __future__ import annotations

import gc
import json
import shutil
import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tests.catalog import counts, keys, scores, table, tonearm
from tests.cloud import stream_until
from tests.streaming import make_songs
from tests.toy_architecture import ToyArchitecture, write_bundle
from tonearm.models.architectures import ARCHITECTURES
from tonearm.models.bundles.tagger import Tagger
from tonearm.models.engines import shared
from tonearm.models.front_end import FrontEnd
from tonearm.pipelines.following import succession
from tonearm.pipelines.local.followed_root import FollowedRoot
from tonearm.transforms.tagging.stored_tagger import stored_tagger


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A root with the first version of a tagger; beside it the others."""
    monkeypatch.setitem(ARCHITECTURES, "toy", ToyArchitecture())
    monkeypatch.setattr(shared, "_shared", {})
    (tmp_path / "incoming").mkdir()
    for version in range(1, 4):
        write_bundle(tmp_path / f"bundle-{version}", ["one"], version=version)
    assert tonearm("promote", tmp_path / "bundle-1", tmp_path / "root") == 0
    return tmp_path / "root"


@pytest.fixture
def uploads(tmp_path: Path) -> list[Path]:
    """Tracks that are to be uploaded."""
    return make_songs(tmp_path / "made", 8)


def watch(root: Path, output: Path, *options: str) -> tuple[str, ...]:
    """A stream of a folder beside the root."""
    given = (
        "--watch",
        root.parent / "incoming",
        "--poll_seconds",
        "0.1",
        "--max_wave_seconds",
        "0.1",
        "--output",
        output,
    )
    return tuple(map(str, (*given, "--tagger", root, "--wave_tracks", "2", *options)))


def uploading_in_steps(
    root: Path, output: Path, uploads: list[Path], steps: list[Callable[[], Any]]
) -> Callable[[], bool]:
    """Upload two tracks before each step and after the last; true when all rows are there."""
    arrived = threading.Event()

    def go() -> None:
        for number, song in enumerate(uploads):
            shutil.copy(song, root.parent / "incoming" / song.name)
            if number % 2:
                wait_until(lambda at_least=number + 1: len(table(output, "track_tags")) >= at_least)
                if number // 2 < len(steps):
                    steps[number // 2]()
        arrived.set()

    threading.Thread(target=go, daemon=True).start()
    return arrived.is_set


def wait_until(holds: Callable[[], bool]) -> None:
    """Wait for something to hold."""
    deadline = time.monotonic() + 50
    while not holds() and time.monotonic() < deadline:
        time.sleep(0.05)


def taggers(output: Path) -> list[str]:
    """The taggers of all rows, in the order in which they were written."""
    rows = sorted(table(output, "track_tags"), key=lambda row: row["analyzed_at"])
    return [row["tagger"] for row in rows]


@pytest.mark.slow
def test_each_track_is_tagged_once_by_the_tagger_of_its_time(
    root: Path, output: Path, uploads: list[Path], tmp_path: Path
) -> None:
    steps = [
        lambda: tonearm("promote", tmp_path / "bundle-2", root, "--force"),
        lambda: tonearm("promote", tmp_path / "bundle-3", root, "--force"),
        lambda: tonearm("rollback", root),
    ]
    options = watch(root, output)
    assert stream_until(uploading_in_steps(root, output, uploads, steps), *options) == 0
    assert taggers(output) == ["toy@1"] * 2 + ["toy@2"] * 2 + ["toy@3"] * 2 + ["toy@2"] * 2
    assert len({key[0] for key in keys(output)}) == len(keys(output)) == 8
    runs = table(output, "runs")
    assert sum(run["n_tagged"] for run in runs) == sum(run["n_seen"] for run in runs) == 8
    assert all(run["ended"] for run in runs)
    for row in table(output, "track_tags"):  # recomputed by that tagger alone
        version = row["tagger"].partition("@")[2]
        alone = tmp_path / f"alone-{version}"
        if not alone.exists():
            bundle = tmp_path / f"bundle-{version}"
            assert tonearm("ingest", tmp_path / "incoming", "--output", alone, "--tagger", bundle) == 0
        np.testing.assert_array_equal(row["scores"], scores(alone)[row["track_id"]])
    assert len(shared._shared) <= 3  # the one at work, and those of the runs alone
    shutil.copy(uploads[0], tmp_path / "incoming" / "more.flac")
    assert stream_until(lambda: len(keys(output)) == 9, *watch(root, output)) == 0
    assert counts(output) == (9, 1, 8, 0)  # a promotion tags nothing anew, in a later run neither


@pytest.mark.parametrize(
    "fault",
    [
        "damaged",
        *(pytest.param(fault, marks=pytest.mark.slow) for fault in ("front end", "missing", "no pointer")),
    ],
)
def test_a_bundle_that_cannot_take_over_leaves_the_old_one_at_work(
    root: Path,
    output: Path,
    uploads: list[Path],
    tmp_path: Path,
    fault: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    def promote_broken() -> None:
        other = tmp_path / "bundle-2"
        if fault == "front end":
            other = write_bundle(
                tmp_path / "foreign", ["one"], front_end=FrontEnd(patch_hop_frames=99), version=5
            )
        pointer = (root / "current").read_bytes()
        tonearm("promote", other, tmp_path / "aside", "--force")
        for folder in (tmp_path / "aside").iterdir():
            if folder.is_dir() and fault != "missing":
                shutil.copytree(folder, root / folder.name)
                if fault == "damaged":
                    (root / folder.name / "one.safetensors").write_bytes(b"damaged")
        told = json.loads(pointer)
        told["moves"].extend(json.loads((tmp_path / "aside" / "current").read_bytes())["moves"])
        if fault == "no pointer":
            (root / "current").unlink()
        else:
            (root / "current").write_text(json.dumps(told))

    def mend() -> None:
        (root / "current").unlink(missing_ok=True)
        tonearm("promote", tmp_path / "bundle-3", root)

    steps = [promote_broken, lambda: None, mend]
    assert stream_until(uploading_in_steps(root, output, uploads, steps), *watch(root, output)) == 0
    assert taggers(output) == ["toy@1"] * 6 + ["toy@3"] * 2
    first, second = sorted(table(output, "runs"), key=lambda run: run["started"])
    refused = dict(first["settings"])["refused_tagger"]
    assert {
        "damaged": "SHA-256 differs",
        "front end": "has another front end",
        "missing": "Cannot read bundle.json",
        "no pointer": "has no pointer any more",
    }[fault] in refused
    assert "refused_tagger" not in dict(second["settings"])
    assert sum("goes on tagging" in message for message in caplog.messages) == 1


@pytest.mark.slow
def test_a_promotion_may_ask_for_everything_to_be_tagged_anew(
    root: Path, output: Path, uploads: list[Path], tmp_path: Path
) -> None:
    for song in uploads[:4]:
        shutil.copy(song, tmp_path / "incoming")

    def promoted_and_tagged_anew() -> bool:
        if len(keys(output)) == 4:
            tonearm("promote", tmp_path / "bundle-2", root, "--force")
            shutil.copy(uploads[4], tmp_path / "incoming")  # a share begins, and the pointer is read
        return taggers(output).count("toy@2") >= 4

    assert stream_until(promoted_and_tagged_anew, *watch(root, output, "--retag_on_promotion")) == 0
    rows = keys(output)
    assert len(set(rows)) == len(rows)
    old, new = ({row[0] for row in rows if row[2] == tagger} for tagger in ("toy@1", "toy@2"))
    assert len(old & new) >= 3
    assert len(old | new) == 5


def test_a_batch_run_takes_what_is_current_and_a_promotion_is_a_reason_to_tag_the_catalog_anew(
    root: Path, output: Path, songs: Path, tmp_path: Path
) -> None:
    assert tonearm("ingest", songs, "--output", output, "--tagger", root) == 0
    assert tonearm("ingest", songs, "--output", output, "--tagger", root) == 0
    assert counts(output) == (4, 0, 4, 0)
    tonearm("promote", tmp_path / "bundle-2", root, "--force")
    assert tonearm("ingest", songs, "--output", output, "--tagger", root) == 0
    assert counts(output) == (4, 4, 0, 0)
    assert sorted(taggers(output)) == ["toy@1"] * 4 + ["toy@2"] * 4


def test_a_bundle_that_cannot_take_over_is_read_again_after_a_while_only(
    root: Path, output: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock, begun = [0.0], list[str]()
    monkeypatch.setattr(succession, "time", SimpleNamespace(monotonic=lambda: clock[0]))

    def begin(tagger: Tagger, _: int) -> Any:
        begun.append(tagger.identity)
        return turn

    turn: Any = SimpleNamespace(record=SimpleNamespace(settings={}))
    followed = FollowedRoot(str(root), stored_tagger(str(root / "toy@1")), str(output), begin)
    assert tonearm("promote", tmp_path / "bundle-2", root, "--force") == 0
    weights = root / "toy@2" / "one.safetensors"
    whole = weights.read_bytes()
    weights.write_bytes(b"damaged")
    assert followed.next_turn(turn) is None
    weights.write_bytes(whole)
    clock[0] = succession.TRY_AGAIN_SECONDS - 1
    assert followed.next_turn(turn) is None
    assert begun == []
    clock[0] = succession.TRY_AGAIN_SECONDS
    assert followed.next_turn(turn) is turn
    assert begun == ["toy@2"]


def test_the_engine_of_a_turn_that_is_over_is_freed_at_once(root: Path, output: Path, tmp_path: Path) -> None:
    tagger = stored_tagger(str(root / "toy@1"))
    turn: Any = SimpleNamespace(record=SimpleNamespace(settings={}))
    followed = FollowedRoot(str(root), tagger, str(output), lambda *_: turn)
    pipeline = SimpleNamespace(engine=shared.shared_engine(tagger, "float32"))
    pipeline.itself = pipeline  # as pipelines that are done hold themselves and their engines
    engine = weakref.ref(pipeline.engine)
    assert tonearm("promote", tmp_path / "bundle-2", root, "--force") == 0
    assert followed.next_turn(turn) is turn
    gc.collect()
    gc.disable()
    try:
        del pipeline
        turn.close()
        assert engine() is None
    finally:
        gc.enable()
