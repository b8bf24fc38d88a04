"""An architecture enters through the registry, and every engine runs it, alone and beside others."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.toy_architecture import EMBEDDING_SIZE, FEWEST_FRAMES, ToyArchitecture, write_bundle
from tests.tracks import embedding_size
from tonearm.models.architectures import ARCHITECTURES
from tonearm.models.bundles.files import BundleError
from tonearm.models.bundles.loading import load_tagger
from tonearm.models.bundles.tagger import Tagger
from tonearm.models.engines.contract import Array, Engine
from tonearm.models.engines.openvino_engine import OpenVinoEngine
from tonearm.models.engines.openvino_library import openvino
from tonearm.models.engines.torch_engine import TorchEngine
from tonearm.models.front_end import FrontEnd
from tonearm.models.side_by_side import SideBySide

FLOAT32_TOLERANCE = 1e-5
BF16_TOLERANCE = 2e-2  # of networks that were not arranged for it
SMALL = FrontEnd(mel_bands=10, patch_frames=40, patch_hop_frames=20)
needs_bf16 = pytest.mark.skipif(
    "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"),
    reason="this CPU does not multiply bfloat16",
)

ENGINES: dict[str, Callable[[Tagger, str], Engine]] = {
    "openvino": OpenVinoEngine,
    "torch": lambda tagger, precision: TorchEngine(tagger, precision, device="cpu", batch=4),
}
PRECISIONS = ["float32", pytest.param("bf16", marks=needs_bf16)]
PRECISIONS_SIDE_BY_SIDE = ["float32", pytest.param("bf16", marks=[needs_bf16, pytest.mark.slow])]


@pytest.fixture(scope="module", autouse=True)
def toy(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """The toy stands in the registry, and graphs are exported here and now."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ARCHITECTURES, "toy", ToyArchitecture())
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture
def mixed(tmp_path: Path) -> Tagger:
    """Two toys, and one of the embedded tagger's networks between them."""
    return load_tagger(str(write_bundle(tmp_path / "mixed", ["first", "mtt", "second one"])))


def patches_for(front_end: FrontEnd, number: int = 5) -> Array:
    """Values as of log-mel spectrograms, which run smoothly."""
    shape = (number, front_end.patch_frames, front_end.mel_bands)
    steps = np.random.default_rng(0).standard_normal(shape, np.float32)
    wandering = steps.cumsum(axis=1).cumsum(axis=2)
    lowest, highest = (reduce(wandering, axis=(1, 2), keepdims=True) for reduce in (np.min, np.max))
    return 6 * (wandering - lowest) / (highest - lowest)


def defined(tagger: Tagger, patches: Array) -> Iterator[Array]:
    """What the networks give as they were trained."""
    with torch.inference_mode():
        results = SideBySide(tagger.build_networks())(torch.from_numpy(patches))
    return iter([result.numpy() for result in results])


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("engine", ENGINES)
def test_a_toy_tags_on_every_engine_in_every_precision(tmp_path: Path, engine: str, precision: str) -> None:
    tagger = load_tagger(str(write_bundle(tmp_path / "toys", ["first", "second one"], front_end=SMALL)))
    patches = patches_for(SMALL)
    results = ENGINES[engine](tagger, precision).infer(patches)
    assert [result.shape for result in results] == [(5, 6), (5, embedding_size(tagger))]
    assert embedding_size(tagger) == 2 * EMBEDDING_SIZE
    tolerance = FLOAT32_TOLERANCE if precision == "float32" else BF16_TOLERANCE
    for result, expected in zip(results, defined(tagger, patches), strict=True):
        np.testing.assert_allclose(result, expected, rtol=0, atol=tolerance)


@pytest.mark.parametrize("precision", PRECISIONS_SIDE_BY_SIDE)
@pytest.mark.parametrize("engine", ENGINES)
def test_networks_of_several_architectures_stand_in_the_bundles_order(
    mixed: Tagger, engine: str, precision: str
) -> None:
    patches = patches_for(mixed.front_end)
    results = ENGINES[engine](mixed, precision).infer(patches)
    assert [result.shape[1] for result in results] == [3 + 50 + 3, EMBEDDING_SIZE + 200 + EMBEDDING_SIZE]
    tolerance = FLOAT32_TOLERANCE if precision == "float32" else BF16_TOLERANCE
    np.testing.assert_allclose(results[0], next(defined(mixed, patches)), rtol=0, atol=tolerance)


@pytest.mark.parametrize("precision", PRECISIONS_SIDE_BY_SIDE)
def test_neighbours_of_another_architecture_change_no_bit(
    tmp_path: Path, mixed: Tagger, precision: str
) -> None:
    patches = patches_for(mixed.front_end)
    alone = OpenVinoEngine(load_tagger(str(write_bundle(tmp_path / "alone", ["mtt"]))), precision)
    beside = OpenVinoEngine(mixed, precision)
    np.testing.assert_array_equal(beside.infer(patches)[0][:, 3:53], alone.infer(patches)[0])


@needs_bf16
def test_bf16_is_bf16_for_a_network_that_nothing_was_arranged_for(tmp_path: Path) -> None:
    tagger = load_tagger(str(write_bundle(tmp_path / "toys", ["first"], front_end=SMALL)))
    patches = patches_for(SMALL)
    exact, rounded = (OpenVinoEngine(tagger, each).infer(patches)[0] for each in ("float32", "bf16"))
    assert FLOAT32_TOLERANCE < np.abs(rounded - exact).max() < BF16_TOLERANCE


def test_patches_that_an_architecture_cannot_take_are_refused(tmp_path: Path) -> None:
    short = FrontEnd(mel_bands=10, patch_frames=FEWEST_FRAMES - 1)
    bundle = write_bundle(tmp_path / "short", ["first"], front_end=short)
    with pytest.raises(BundleError, match=r"settings\.patch_frames: 4 .* architecture toy needs 5 or more"):
        load_tagger(str(bundle))


def test_the_graph_of_an_architecture_is_exported_anew_when_its_code_changes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = tmp_path / "code" / "architecture.py"
    source.parent.mkdir()
    source.write_text("first version")
    monkeypatch.setattr("inspect.getfile", lambda kind: str(source))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    tagger = load_tagger(str(write_bundle(tmp_path / "toys", ["first"], front_end=SMALL)))
    for _ in range(2):
        OpenVinoEngine(tagger, "float32")
    assert len(list((tmp_path / "cache").rglob("*.graph"))) == 1
    source.write_text("second version")
    OpenVinoEngine(tagger, "float32")
    assert len(list((tmp_path / "cache").rglob("*.graph"))) == 2
