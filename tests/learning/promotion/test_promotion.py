"""Promotion and rollback in every store: rules, history, and two who do it at once."""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

import pytest

from tests.catalog import tonearm
from tests.toy_architecture import ToyArchitecture, write_bundle
from tests.transforms.storage.stores import Store
from tonearm.learning.promotion import root as root_module
from tonearm.learning.promotion.root import PointerMovedError, new_move, promote
from tonearm.models.architectures import ARCHITECTURES
from tonearm.models.bundles.loading import load_tagger
from tonearm.models.front_end import FrontEnd
from tonearm.transforms.storage.objects import files_below, read_object, write_object
from tonearm.transforms.tagging.bundle_root import Move, MoveKind, pointer_bytes, read_pointer


@pytest.fixture
def bundles(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[Path]:
    """Three versions of a tagger."""
    monkeypatch.setitem(ARCHITECTURES, "toy", ToyArchitecture())
    return [write_bundle(tmp_path / f"bundle-{version}", ["one"], version=version) for version in (1, 2, 3)]


def current(root: str) -> str:
    """``name@version`` that is current in a root."""
    pointer = read_pointer(root)
    assert pointer is not None
    return pointer.current.bundle


def write_report(
    folder: Path, bundle: Path, baseline: Path | None, *, gain: Any = 0.02, facet: Any = 0.0, ece: Any = 0.0
) -> str:
    """A ``report.json`` with so many keys as a promotion reads."""
    told: dict[str, Any] = {
        "format": "tonearm-evaluation",
        "format_version": 1,
        "tagger": about(bundle),
        "baseline": baseline and about(baseline),
        "comparison": baseline
        and {
            "differences": {
                "overall": {"pr_auc": {"value": gain}, "ece": {"value": ece}},
                "facets": {"instrument": {"pr_auc": {"value": facet}}},
            }
        },
    }
    path = folder / "report.json"
    path.write_text(json.dumps(told))
    return str(path)


def about(bundle: Path) -> dict[str, str]:
    """What a report says of which bundle it is about."""
    tagger = load_tagger(str(bundle))
    return {"identity": tagger.identity, "bundle_sha256": tagger.bundle_hash}


def test_a_better_bundle_takes_over_and_a_rollback_brings_the_other_back(
    store: Store, bundles: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = store.at("taggers")
    assert tonearm("promote", bundles[0], root, "--why", "the first", "--by", "Ada") == 0
    for new, old in ((bundles[1], bundles[0]), (bundles[2], bundles[1])):
        report = write_report(tmp_path, new, old)
        assert tonearm("promote", new, root, "--report", report) == 0
    assert current(root) == "toy@3"
    assert tonearm("rollback", root, "--why", "drums everywhere") == 0
    assert current(root) == "toy@2"
    assert tonearm("rollback", root) == 0
    assert current(root) == "toy@1"
    assert tonearm("rollback", root) == 2
    assert "nothing was current before toy@1" in capsys.readouterr().err
    assert tonearm("history", root, "--json") == 0
    moves = json.loads(capsys.readouterr().out)
    assert [move["bundle"] for move in moves] == ["toy@1", "toy@2", "toy@3", "toy@2", "toy@1"]
    assert (moves[0]["moved_by"], moves[0]["why"]) == ("Ada", "the first")
    assert moves[3]["kind"] == "roll_back"
    assert len(moves[2]["report_sha256"]) == 64


@pytest.mark.parametrize(
    ("differences", "reason"),
    [
        ({"gain": -0.01}, "its PR-AUC differs by -0.0100"),
        ({"gain": 0.0}, "has to rise by more than 0"),
        ({"gain": None}, "what the set cannot tell"),
        ({"facet": -0.03}, "the PR-AUC of instrument differs by -0.0300"),
        ({"facet": None}, "the PR-AUC of instrument differs by what the set cannot tell"),
        ({"ece": 0.02}, "its calibration error differs by +0.0200"),
    ],
)
def test_a_worse_bundle_is_refused_with_the_reason_and_can_be_forced(
    bundles: list[Path],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    differences: dict[str, Any],
    reason: str,
) -> None:
    root = str(tmp_path / "root")
    tonearm("promote", bundles[0], root)
    report = write_report(tmp_path, bundles[1], bundles[0], **differences)
    assert tonearm("promote", bundles[1], root, "--report", report) == 1
    assert reason in capsys.readouterr().err
    assert current(root) == "toy@1"
    assert tonearm("promote", bundles[1], root, "--report", report, "--force") == 0
    pointer = read_pointer(root)
    assert pointer is not None
    assert any(reason in rule for rule in pointer.current.broken_rules)


def test_a_root_has_bounds_of_its_own(bundles: list[Path], tmp_path: Path) -> None:
    root = tmp_path / "root"
    tonearm("promote", bundles[0], root)
    (root / "promotion.json").write_text('{"least_pr_auc_gain": 0.05}')
    report = write_report(tmp_path, bundles[1], bundles[0], gain=0.04)
    assert tonearm("promote", bundles[1], root, "--report", report) == 1
    report = write_report(tmp_path, bundles[1], bundles[0], gain=0.06)
    assert tonearm("promote", bundles[1], root, "--report", report) == 0


@pytest.mark.parametrize(
    "content", ["", "[]", '{"least_gain": 1}', '{"least_pr_auc_gain": "much"}', "{" * 9999]
)
def test_rules_that_cannot_be_are_named(
    bundles: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], content: str
) -> None:
    root = tmp_path / "root"
    tonearm("promote", bundles[0], root)
    (root / "promotion.json").write_text(content)
    report = write_report(tmp_path, bundles[1], bundles[0])
    assert tonearm("promote", bundles[1], root, "--report", report) == 2
    assert "promotion.json" in capsys.readouterr().err


def test_reports_that_prove_nothing(
    bundles: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "root"
    tonearm("promote", bundles[0], root)
    assert tonearm("promote", bundles[1], root) == 1
    assert "no report compares it with toy@1" in capsys.readouterr().err
    about_another = write_report(tmp_path, bundles[2], bundles[0])
    assert tonearm("promote", bundles[1], root, "--report", about_another) == 2
    against_another = write_report(tmp_path, bundles[1], bundles[2])
    assert tonearm("promote", bundles[1], root, "--report", against_another) == 1
    alone = write_report(tmp_path, bundles[1], None)
    assert tonearm("promote", bundles[1], root, "--report", alone) == 1
    assert "no baseline" in capsys.readouterr().err
    for content in ("", "{}", '{"format": "tonearm-evaluation", "format_version": 2}', '"x"', "[" * 9999):
        (tmp_path / "other.json").write_text(content)
        assert tonearm("promote", bundles[1], root, "--report", tmp_path / "other.json") == 2
    assert tonearm("promote", bundles[1], root, "--report", tmp_path / "missing.json") == 2
    assert current(str(root)) == "toy@1"


def test_another_front_end_has_to_be_asked_for(bundles: list[Path], tmp_path: Path) -> None:
    root = tmp_path / "root"
    tonearm("promote", bundles[0], root)
    other = write_bundle(tmp_path / "other", ["one"], front_end=FrontEnd(patch_hop_frames=100), version=4)
    report = write_report(tmp_path, other, bundles[0])
    assert tonearm("promote", other, root, "--report", report) == 1
    assert tonearm("promote", other, root, "--report", report, "--new_front_end") == 0


def test_bundles_in_a_root_never_change(
    store: Store, bundles: list[Path], capsys: pytest.CaptureFixture[str]
) -> None:
    root = store.at("taggers")
    tonearm("promote", bundles[0], root)
    before = read_object(f"{root}/toy@1/bundle.json")
    changed = bundles[0] / "bundle.json"
    changed.write_text(changed.read_text() + " ")
    assert tonearm("promote", bundles[0], root, "--force") == 2
    assert "Give the changed bundle a new version" in capsys.readouterr().err
    assert read_object(f"{root}/toy@1/bundle.json") == before


def test_a_copy_that_was_killed_is_gone_on_with(
    store: Store, bundles: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    root = store.at("taggers")
    write = root_module.write_if_absent

    def killed(location: str, content: bytes) -> Any:
        if location.endswith("bundle.json"):
            raise KeyboardInterrupt
        return write(location, content)

    with monkeypatch.context() as patched:
        patched.setattr(root_module, "write_if_absent", killed)
        with pytest.raises(KeyboardInterrupt):
            root_module.promote(root, *promotion(bundles[0]), None)
    assert read_pointer(root) is None
    assert files_below(f"{root}/toy@1")
    assert tonearm("promote", bundles[0], root) == 0
    assert load_tagger_of(root).identity == "toy@1"


def promotion(bundle: Path) -> tuple[Any, Any]:
    """A bundle and the move to it."""
    tagger = load_tagger(str(bundle))
    return tagger, new_move(MoveKind.PROMOTE, tagger, why="")


def load_tagger_of(root: str) -> Any:
    """The tagger that is current in a root."""
    from tonearm.transforms.tagging.stored_tagger import named_tagger, stored_tagger

    return stored_tagger(named_tagger(root).location)


def test_of_two_who_promote_at_once_one_is_refused(store: Store, bundles: list[Path]) -> None:
    root = store.at("taggers")
    assert tonearm("promote", bundles[0], root) == 0
    seen = read_pointer(root)
    barrier, ends = threading.Barrier(2), []

    def go(bundle: Path) -> None:
        tagger, move = promotion(bundle)
        barrier.wait()
        try:
            promote(root, tagger, move, seen)
            ends.append(tagger.identity)
        except PointerMovedError as error:
            ends.append(str(error))

    threads = [threading.Thread(target=go, args=(bundle,)) for bundle in bundles[1:]]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winner = current(root)
    assert sorted(end == winner for end in ends) == [False, True]
    assert any("was moved by somebody else" in end for end in ends)
    pointer = read_pointer(root)
    assert pointer is not None
    assert len(pointer.moves) == 2


@pytest.mark.parametrize(
    "content",
    [b"", b"{}", b"\xff", b'{"format": 1, "moves": []}', b'{"format": 9, "moves": []}', b"[" * 9999]
    + [
        json.dumps(
            {
                "format": 1,
                "moves": [
                    {
                        "kind": "promote",
                        "bundle": name,
                        "bundle_sha256": "",
                        "moved_at": "",
                        "moved_by": "",
                    }
                ],
            }
        ).encode()
        for name in ("../secret@1", "/etc@1", "toy", "a/b@1", "@1")
    ],
)
def test_a_damaged_pointer_is_named_and_leads_nowhere(
    bundles: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], songs: Path, content: bytes
) -> None:
    root = tmp_path / "root"
    tonearm("promote", bundles[0], root)
    write_object(str(root / "current"), content)
    for call in (("rollback", root), ("promote", bundles[1], root), ("history", root)):
        assert tonearm(*call) == 2
        assert "current is damaged" in capsys.readouterr().err
    assert tonearm("ingest", songs, "--output", tmp_path / "tables", "--tagger", root) == 2
    assert "current is damaged" in capsys.readouterr().err


def test_a_folder_that_is_no_root(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert tonearm("rollback", tmp_path / "nothing") == 2
    assert "is no bundle root" in capsys.readouterr().err


def test_a_bundle_that_is_gone_is_not_rolled_back_to(bundles: list[Path], tmp_path: Path) -> None:
    root = tmp_path / "root"
    tonearm("promote", bundles[0], root)
    tonearm("promote", bundles[1], root, "--force")
    (root / "toy@1" / "one.safetensors").unlink()
    assert tonearm("rollback", root) == 2
    assert current(str(root)) == "toy@2"


@pytest.mark.parametrize(
    "change",
    [
        {"bundle_sha256": 5},
        {"why": None},
        {"moved_at": 7},
        {"moved_by": ["Ada"]},
        {"broken_rules": "none"},
        {"broken_rules": [1]},
        {"kind": "roll_back"},
    ],
    ids=str,
)
def test_a_pointer_whose_moves_are_no_moves_is_damaged(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], change: dict[str, Any]
) -> None:
    move = Move(MoveKind.PROMOTE, "toy@1", "ab" * 32, "2026-11-01T00:00:00+00:00", "Ada")
    told = json.loads(pointer_bytes((move,)))
    told["moves"][0] |= change
    (tmp_path / "current").write_text(json.dumps(told))
    for call in (("history", tmp_path), ("rollback", tmp_path)):
        assert tonearm(*call) == 2
        assert "current is damaged" in capsys.readouterr().err


def test_a_damaged_current_bundle_does_not_stand_in_the_way(
    bundles: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    root = tmp_path / "root"
    tonearm("promote", bundles[0], root)
    (root / "toy@1" / "one.safetensors").write_bytes(b"damaged")
    report = write_report(tmp_path, bundles[1], bundles[0])
    assert tonearm("promote", bundles[1], root, "--report", report) == 1
    assert "toy@1, which is current and damaged" in capsys.readouterr().err
    assert tonearm("promote", bundles[1], root, "--report", report, "--force") == 0
    assert current(str(root)) == "toy@2"


def test_what_a_killed_promotion_left_is_swept(bundles: list[Path], tmp_path: Path) -> None:
    root = tmp_path / "root"
    left = [root / f".{'0' * 16}.part", root / "toy@1" / f".{'1' * 16}.part"]
    left[1].parent.mkdir(parents=True)
    for part in left:
        part.write_bytes(b"half of it")
    assert tonearm("promote", bundles[0], root) == 0
    assert not [part for part in left if part.exists()]


def test_what_is_current_in_one_root_is_promoted_to_another(bundles: list[Path], tmp_path: Path) -> None:
    tried, relied_on = tmp_path / "tried", tmp_path / "relied-on"
    tonearm("promote", bundles[0], tried)
    assert tonearm("promote", tried, relied_on) == 0
    assert current(str(relied_on)) == "toy@1"


def test_a_root_is_neither_a_bundle_nor_the_name_of_one(
    bundles: list[Path], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    before = files_below(str(tmp_path))
    assert tonearm("promote", bundles[0], bundles[1]) == 2
    assert "is a bundle itself" in capsys.readouterr().err
    for call in (("promote", bundles[0], "musicnn"), ("rollback", "musicnn"), ("history", "musicnn")):
        assert tonearm(*call) == 2
        assert "write ./musicnn" in capsys.readouterr().err
    assert files_below(str(tmp_path)) == before
