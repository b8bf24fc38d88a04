"""`tonearm calibrate`: a new version of a bundle, from labels, and what it refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.catalog import tonearm
from tests.learning.datasets.small_dataset import SMALL_FRONT_END, noise_track, write_small_dataset
from tests.toy_architecture import ToyArchitecture, write_bundle
from tonearm.learning.labelled.track import Split
from tonearm.models.architectures import ARCHITECTURES
from tonearm.models.bundles.loading import load_tagger


@pytest.fixture(scope="module", autouse=True)
def toy() -> Iterator[None]:
    """The toy architecture is known."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ARCHITECTURES, "toy", ToyArchitecture())
        yield


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Tags guitar, rock and happy."""
    return write_bundle(tmp_path_factory.mktemp("bundles") / "toy", ["first"], front_end=SMALL_FRONT_END)


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Sixty tracks of as many groups, half with guitar; of rock nothing is known but once."""
    folder = tmp_path_factory.mktemp("set") / "set"
    tracks = [noise_track(number, [1 if number % 2 else -1, 1 if number == 0 else 0]) for number in range(60)]
    return write_small_dataset(
        folder, {Split.VALIDATION: [tracks[:30]], Split.TEST: [tracks[30:]]}, ["guitar", "rock"]
    )


def bundle_json(folder: Path) -> dict[str, Any]:
    """What a bundle says of itself."""
    return json.loads((folder / "bundle.json").read_text())


def test_a_new_version_with_the_same_networks(bundle: Path, dataset: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    assert tonearm("calibrate", bundle, dataset, "--output", new, "--version", "2") == 0
    tagger, before = load_tagger(str(new)), load_tagger(str(bundle))
    assert tagger.identity == "toy@2"
    assert tagger.networks == before.networks
    rules, old = ({rule.tag: rule for rule in each.tags} for each in (tagger, before))
    assert rules["guitar"].calibration is not None
    assert (rules["rock"], rules["happy"]) == (old["rock"], old["happy"])
    told = bundle_json(new)["calibrated"]
    assert told["from"]["identity"] == before.identity
    assert "needed" in told["left_as_they_were"]["rock"]
    assert "| guitar | 15 |" in (new / "README.md").read_text()
    assert (new / "LICENSE").read_bytes() == (bundle / "LICENSE").read_bytes()


def test_the_new_version_is_judged(bundle: Path, dataset: Path, tmp_path: Path) -> None:
    new = tmp_path / "new"
    assert tonearm("calibrate", bundle, dataset, "--output", new, "--version", "2") == 0
    assert tonearm("evaluate", new, dataset, "--output", tmp_path / "report", "--baseline", bundle) == 0
    report = json.loads((tmp_path / "report" / "report.json").read_text())
    guitar = next(tag for tag in report["tags"] if tag["label"] == "guitar")
    assert guitar["threshold"] == bundle_json(new)["tags"]["guitar"]["threshold"]


def test_paths_may_be_relative(
    bundle: Path, dataset: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(bundle.parent)
    new = tmp_path / "new"
    assert tonearm("calibrate", bundle.name, dataset, "--output", new, "--version", "2") == 0
    assert {file.name for file in new.iterdir()} == {file.name for file in bundle.iterdir()}


def test_the_same_call_gives_the_same_bytes(bundle: Path, dataset: Path, tmp_path: Path) -> None:
    for name in ("first", "second"):
        assert tonearm("calibrate", bundle, dataset, "--output", tmp_path / name, "--version", "2") == 0
    first, second = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in ("first", "second")
    )
    assert first == second


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--version", "1"), "a new bundle has a new one"),
        (("--version", "2/3"), "cannot be the name of a bundle"),
        (("--version", "2", "--split", "train"), "no track"),
        (("--version", "2", "--precision", "1.5"), "between 0 and 1"),
    ],
)
def test_wrong_calls(
    bundle: Path,
    dataset: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    options: tuple[str, ...],
    told: str,
) -> None:
    assert tonearm("calibrate", bundle, dataset, "--output", tmp_path / "new", *options) == 2
    assert told in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_labels_that_tell_of_no_tag_enough_write_nothing(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    few = [noise_track(number, [1 if number % 2 else -1, 0]) for number in range(8)]
    dataset = write_small_dataset(tmp_path / "few", {Split.VALIDATION: [few]}, ["guitar", "rock"])
    assert tonearm("calibrate", bundle, dataset, "--output", tmp_path / "new", "--version", "2") == 2
    captured = capsys.readouterr()
    assert "guitar: left as it was: 4 tracks have it" in captured.out
    assert "label more tracks" in captured.err
    assert not (tmp_path / "new").exists()
