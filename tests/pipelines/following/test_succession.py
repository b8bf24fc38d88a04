"""Which bundle of a root takes over: the current one, or else the one that a rollback would come to."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.bundle_roots import point_at
from tests.toy_architecture import ToyArchitecture, write_bundle
from tonearm.models.architectures import ARCHITECTURES
from tonearm.models.bundles.loading import load_tagger
from tonearm.models.bundles.tagger import Tagger
from tonearm.pipelines.following.succession import Succession
from tonearm.transforms.tagging.bundle_root import MoveKind


@pytest.fixture
def bundles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Four versions of a tagger, in the order of their versions."""
    monkeypatch.setitem(ARCHITECTURES, "toy", ToyArchitecture())
    return [write_bundle(tmp_path / f"bundle-{version}", ["one"], version=version) for version in range(1, 5)]


def following(root: Path, bundle: Path) -> tuple[Succession, Tagger]:
    """The succession of a stream that a bundle has begun."""
    tagger = load_tagger(str(bundle))
    return Succession(str(root), tagger.front_end.fingerprint, lambda _: None), tagger


def test_a_worker_that_missed_moves_comes_to_the_same_bundle_as_all_others(
    tmp_path: Path, bundles: list[Path]
) -> None:
    """The last move is to a damaged bundle, the one before to a whole one, and a third one was taken back."""
    one, two, three, four = bundles
    root = tmp_path / "root"
    for bundle in (one, two, three):
        point_at(root, bundle)
    point_at(root, two, kind=MoveKind.ROLL_BACK)
    point_at(root, four, damaged=True)
    for begun_with in (one, three):
        succession, present = following(root, begun_with)
        successor = succession.after(present)
        assert successor
        assert successor.tagger.identity == "toy@2"
        refusal = succession.unheard_refusal()
        assert refusal
        assert (refusal.number, refusal.reason[:7]) == (5, "toy@4: ")
        assert succession.after(successor.tagger) is None
        assert succession.unheard_refusal() is None  # it was told
    succession, present = following(root, two)
    assert succession.after(present) is None


def test_after_a_rollback_nothing_that_was_taken_back_takes_over_again(
    tmp_path: Path, bundles: list[Path]
) -> None:
    one, two, *_ = bundles
    root = tmp_path / "root"
    point_at(root, one)
    point_at(root, two)
    point_at(root, one, kind=MoveKind.ROLL_BACK, damaged=True)
    succession, present = following(root, two)
    assert succession.after(present) is None  # it goes on, as the one to go back to is damaged
    assert succession.after(None) is None  # and no new worker begins with it


def test_a_bundle_that_raises_anything_at_all_is_refused_and_tells_what(
    tmp_path: Path, bundles: list[Path]
) -> None:
    one, two, *_ = bundles
    root = tmp_path / "root"
    point_at(root, one)
    point_at(root, two)
    present = load_tagger(str(one))

    def out_of_memory(_: Tagger) -> None:
        raise RuntimeError("CUDA out of memory")

    succession = Succession(str(root), present.front_end.fingerprint, out_of_memory)
    assert succession.after(present) is None
    refusal = succession.unheard_refusal()
    assert refusal
    assert refusal.reason == "toy@2: RuntimeError: CUDA out of memory"
