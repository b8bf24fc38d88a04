"""Bundles load from anywhere, and faulty or hostile ones are refused with a message that helps."""

import hashlib
import json
import math
import pickle
import shutil
import struct
from collections.abc import Callable
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from tests.tracks import embedding_size
from tonearm import model_artifacts
from tonearm.models.bundles.files import BundleError, ReadFile, read_local_file
from tonearm.models.bundles.loading import load_tagger
from tonearm.models.front_end import FrontEnd

Json = dict[str, Any]
Change = Callable[[Json], object]
Tensors = dict[str, torch.Tensor]

PACKAGED = Path(model_artifacts.__file__).parent / "musicnn"


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    return Path(shutil.copytree(PACKAGED, tmp_path / "copy"))


def edit(bundle: Path, change: Change) -> None:
    """Apply a function to the manifest."""
    path = bundle / "bundle.json"
    manifest = json.loads(path.read_text())
    change(manifest)
    path.write_text(json.dumps(manifest))


def put_weights(bundle: Path, content: bytes) -> None:
    """Replace the first network's weights and enter their hash, as an attacker would."""
    (bundle / "mtt.safetensors").write_bytes(content)
    digest = hashlib.sha256(content).hexdigest()
    edit(bundle, lambda manifest: manifest["networks"][0]["weights"].update(sha256=digest))


def put_tensors(bundle: Path, change: Callable[[Tensors], object]) -> None:
    tensors = load_file(PACKAGED / "mtt.safetensors")
    change(tensors)
    save_file(tensors, bundle / "mtt.safetensors")
    put_weights(bundle, (bundle / "mtt.safetensors").read_bytes())


def test_the_embedded_tagger() -> None:
    tagger = load_tagger("musicnn")
    assert tagger.identity == "musicnn@1"
    assert embedding_size(tagger) == 400
    assert [unit.index for unit in tagger.units] == list(range(100))
    assert [network.units for network in tagger.networks] == [50, 50]
    assert len(pickle.dumps(tagger)) < 50_000  # travels with the graph, so no weights inside


def test_labels_stand_in_the_originals_order() -> None:
    labels = [unit.label for unit in load_tagger("musicnn").units]
    assert labels[:3] == ["guitar", "classical", "slow"] and labels[47:50] == [
        "metal",
        "female voice",
        "choral",
    ]
    assert labels[50:53] == ["rock", "pop", "alternative"] and labels[97:] == ["sad", "House", "happy"]


def read_elsewhere(url: str, limit: int) -> bytes:
    """Reads local files under a scheme of their own."""
    assert url.startswith("elsewhere://")
    return read_local_file(url.removeprefix("elsewhere://"), limit)


@pytest.mark.parametrize(("prefix", "read"), [("", read_local_file), ("elsewhere://", read_elsewhere)])
def test_a_folder_and_a_url_give_the_same_tagger(bundle: Path, prefix: str, read: ReadFile) -> None:
    tagger = load_tagger(f"{prefix}{bundle}", read)
    assert tagger.bundle_hash == load_tagger("musicnn").bundle_hash
    scores, _ = tagger.build_networks()[0](torch.zeros(1, 187, 96))
    assert scores.shape == (1, 50)


def test_a_changed_manifest_changes_the_hash(bundle: Path) -> None:
    edit(bundle, lambda manifest: manifest["tags"]["guitar"].update(threshold=0.5))
    assert load_tagger(str(bundle)).bundle_hash != load_tagger("musicnn").bundle_hash


@pytest.mark.parametrize("location", ["", "no-such-tagger", "/no/such/folder", "nosuch://bucket/tagger"])
def test_a_missing_bundle_is_named(location: str) -> None:
    with pytest.raises(BundleError, match=location or "No tagger"):
        load_tagger(location)


def remove(*keys: str | int) -> Change:
    def change(manifest: Json) -> None:
        node = manifest
        for key in keys[:-1]:
            node = node[key]
        del node[keys[-1]]

    return change


def put(value: Any, *keys: str | int) -> Change:
    def change(manifest: Json) -> None:
        node = manifest
        for key in keys[:-1]:
            node = node[key]
        node[keys[-1]] = value

    return change


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (remove("networks"), "'networks' is missing"),
        (remove("outputs", 3, "tag"), r"outputs\[3\]: the key 'tag' is missing"),
        (put(2, "format"), "reads format 1"),
        (put("", "version"), "empty"),
        (put("guitar", "outputs"), "expected list, found str"),
        (put(True, "tags", "guitar", "threshold"), "expected float, found bool"),
        (put(1.5, "tags", "guitar", "threshold"), "not between"),
        (put(0, "tags", "guitar", "threshold"), "not between"),
        (put("taste", "tags", "guitar", "facet"), "'taste' is not known; known are genre, mood"),
        (put("exec", "tags", "guitar", "merge"), "'exec' is not known; known are max, mean"),
        (put("banjo", "outputs", 0, "tag"), "'banjo' is not known"),
        (put("os.system", "networks", 0, "architecture"), "'os.system' is not known; known are musicnn"),
        (put("mtt", "networks", 1, "name"), "names that differ"),
        (put("msd", "outputs", 0, "network"), "network by network"),
        (remove("outputs", 0), "ask for"),
        (remove("selection", "limits", "era"), "no limit for era"),
        (put([[["slow"], ["quick"]]], "selection", "exclusive"), "'quick' is not known"),
        (put([[["slow"]]], "selection", "exclusive"), "two sides or more"),
        (put([[["slow"], []]], "selection", "exclusive"), "each with a tag"),
        (put(1.5, "selection", "limits", "era"), "expected int, found float"),
        (put(-1, "selection", "limits", "era"), "0 or more"),
        (put("\ud800", "version"), "cannot be printed"),
        (put("musicnn\n", "name"), "cannot be printed"),
        (put({"facet": "era", "merge": "max", "threshold": 0.1}, "tags", "a\0b"), "cannot be printed"),
        (put(10**400, "tags", "guitar", "threshold"), "too large"),
        (put("0" * 12, "front_end", "fingerprint"), "not the fingerprint of the settings"),
        (put(22050, "front_end", "settings", "sample_rate_hz"), "changed after training"),
        (put("16000", "front_end", "settings", "sample_rate_hz"), "expected int, found str"),
        (remove("front_end", "settings", "log_gain"), "expected exactly the keys"),
        (put("0" * 64, "networks", 0, "weights", "sha256"), "SHA-256 differs"),
    ],
)
def test_a_faulty_manifest_is_refused(bundle: Path, change: Change, message: str) -> None:
    edit(bundle, change)
    with pytest.raises(BundleError, match=message):
        load_tagger(str(bundle))


@pytest.mark.parametrize(
    ("calibration", "message"),
    [
        ([], r"tags\.guitar\.calibration: expected dict"),
        (None, "expected dict"),
        ({}, "'kind' is missing"),
        ({"kind": "beta"}, "'beta' is not known; known are platt, isotonic"),
        ({"kind": "platt", "slope": 1.0}, "'offset' is missing"),
        ({"kind": "platt", "slope": 0.0, "offset": 0.0}, r"calibration\.slope: 0\.0 is not between"),
        ({"kind": "platt", "slope": -1.0, "offset": 0.0}, "not between"),
        ({"kind": "platt", "slope": math.inf, "offset": 0.0}, "not between"),
        ({"kind": "platt", "slope": 1.0, "offset": math.nan}, "not between"),
        ({"kind": "isotonic", "scores": [], "probabilities": []}, "at least one score"),
        ({"kind": "isotonic", "scores": [0.1, 0.2], "probabilities": [0.1]}, "a probability for each"),
        ({"kind": "isotonic", "scores": [0.2, 0.2], "probabilities": [0.1, 0.2]}, "more than the one before"),
        ({"kind": "isotonic", "scores": [0.1, 0.2], "probabilities": [0.2, 0.1]}, "less than the one before"),
        ({"kind": "isotonic", "scores": [0.1, 1.2], "probabilities": [0.1, 0.2]}, r"scores\[1\]: 1\.2"),
        (
            {"kind": "isotonic", "scores": [0.1], "probabilities": ["much"]},
            r"probabilities\[0\]: expected float",
        ),
    ],
)
def test_a_faulty_calibration_is_refused(bundle: Path, calibration: Any, message: str) -> None:
    edit(bundle, put(calibration, "tags", "guitar", "calibration"))
    with pytest.raises(BundleError, match=message):
        load_tagger(str(bundle))


@pytest.mark.parametrize(
    ("setting", "value", "expected"),
    [
        ("mel_bands", 64, "the architecture musicnn needs an even number from 68 on"),
        ("mel_bands", 97, "the architecture musicnn needs an even number from 68 on"),
        ("mel_bands", 0, "1 to 1024"),
        ("hop_length", 0, "1 to 512"),
        ("hop_length", 513, "1 to 512"),
        ("fft_length", 511, "an even number"),
        ("fft_length", -512, "16 to 65536"),
        ("patch_frames", 0, "1 to 2730"),
        ("patch_frames", 10**9, "1 to 2730"),
        ("patch_hop_frames", -187, "1 to 3750"),
        ("sample_rate_hz", 0, "1000 to 192000"),
        ("max_frequency_hz", 8000.5, "at most half of the sample rate, 8000"),
        ("max_frequency_hz", 0.0, "more than min_frequency_hz"),
        ("min_frequency_hz", -1.0, "0 to less than 8000"),
        ("log_gain", 0.0, "more than 0"),
        ("log_gain", math.nan, "more than 0"),
    ],
)
def test_a_front_end_that_cannot_be_used_is_refused_though_its_fingerprint_is_right(
    bundle: Path, setting: str, value: float, expected: str
) -> None:
    front_end = replace(FrontEnd(), **{setting: value})
    described = {"settings": asdict(front_end), "fingerprint": front_end.fingerprint}
    edit(bundle, put(described, "front_end"))
    with pytest.raises(BundleError, match=rf"bundle\.json: front_end\.settings\.{setting}: .*{expected}"):
        load_tagger(str(bundle))


@pytest.mark.parametrize("file", ["../musicnn/mtt.safetensors", "/etc/passwd", "..", "a\\b", ".hidden"])
def test_weights_outside_the_bundle_are_refused(bundle: Path, file: str) -> None:
    edit(bundle, put(file, "networks", 0, "weights", "file"))
    with pytest.raises(BundleError, match="inside the bundle"):
        load_tagger(str(bundle))


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[" * 100_000, b'{"format": 1e999}'])
def test_a_broken_manifest_is_refused(bundle: Path, content: bytes) -> None:
    (bundle / "bundle.json").write_bytes(content)
    with pytest.raises(BundleError):
        load_tagger(str(bundle))


def test_a_manifest_too_long_to_be_one_is_not_read(bundle: Path) -> None:
    (bundle / "bundle.json").write_bytes(b" " * (4 * 1024 * 1024 + 1))
    with pytest.raises(BundleError, match="longer than"):
        load_tagger(str(bundle))


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"short",
        (PACKAGED / "mtt.safetensors").read_bytes()[:100_000],
        struct.pack("<Q", 2**62) + b"{}",
        struct.pack("<Q", 2) + b"{}",
        pickle.dumps({"weights": [1, 2, 3]}),
    ],
    ids=["empty", "short", "truncated", "huge header", "no tensors", "pickle"],
)
def test_weights_that_are_not_safetensors_are_refused(bundle: Path, content: bytes) -> None:
    put_weights(bundle, content)
    with pytest.raises(BundleError, match=r"safetensors|architecture"):
        load_tagger(str(bundle))


def test_weights_too_long_for_the_architecture_are_not_read(bundle: Path) -> None:
    put_weights(bundle, (bundle / "mtt.safetensors").read_bytes() + bytes(200_000))
    with pytest.raises(BundleError, match="longer than"):
        load_tagger(str(bundle))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("dense.bias"), "missing tensors"),
        (lambda t: t.update(extra=torch.zeros(1)), "unknown tensors"),
        (lambda t: t.update({"dense.bias": torch.zeros(199)}), r"\[199\].*\[200\]"),
        (lambda t: t.update({"dense.bias": torch.zeros(200, dtype=torch.float16)}), "F16"),
        (lambda t: t.update({"dense.bias": torch.zeros(200, dtype=torch.bfloat16)}), "BF16"),
        (lambda t: t["dense.bias"].fill_(float("nan")), "not finite"),
        (lambda t: t["dense_norm.running_var"].fill_(-1), "negative variances"),
    ],
)
def test_tensors_that_do_not_fit_are_refused(
    bundle: Path, change: Callable[[Tensors], object], message: str
) -> None:
    put_tensors(bundle, change)
    with pytest.raises(BundleError, match=message):
        load_tagger(str(bundle))


def test_weights_exchanged_after_loading_are_noticed(bundle: Path) -> None:
    tagger = load_tagger(str(bundle))
    shutil.copy(bundle / "msd.safetensors", bundle / "mtt.safetensors")
    with pytest.raises(BundleError, match="SHA-256 differs"):
        tagger.build_networks()
