"""A tagger that was trained, of another architecture than the embedded one, on every engine and precision."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.bundle_drafts import instruments_draft, log_mel_like
from tests.models.engines.definition import defined_results
from tonearm.models.bundles.draft import BundleDraft, NetworkDraft, Output, TagDraft
from tonearm.models.bundles.loading import load_tagger
from tonearm.models.bundles.tagger import Selection, Tagger
from tonearm.models.bundles.weights import weights_of
from tonearm.models.bundles.writing import write_bundle
from tonearm.models.engines.contract import Array
from tonearm.models.engines.openvino_engine import OpenVinoEngine
from tonearm.models.engines.torch_engine import TorchEngine

FLOAT32_TOLERANCE = 1e-5
HALF_TOLERANCE = 5e-3  # of a patch, float16 on a GPU


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An empty cache, so that graphs are exported here and now."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="module")
def tagger(tmp_path_factory: pytest.TempPathFactory) -> Tagger:
    return write_bundle(tmp_path_factory.mktemp("bundles") / "instruments", instruments_draft())


@pytest.fixture(scope="module")
def patches() -> Array:
    torch.manual_seed(1)
    made: Array = log_mel_like(5).numpy()
    return made


def assert_close(results: tuple[Array, Array], expected: tuple[Array, Array]) -> None:
    np.testing.assert_allclose(results[0], expected[0], rtol=0, atol=FLOAT32_TOLERANCE)
    np.testing.assert_allclose(results[1], expected[1], rtol=0, atol=1e-4)


def test_openvino_gives_the_definitions_scores(tagger: Tagger, patches: Array) -> None:
    assert_close(OpenVinoEngine(tagger, "float32").infer(patches), defined_results(tagger, patches))


def test_bf16_moves_no_bit_of_a_network_that_does_not_bear_it(tagger: Tagger, patches: Array) -> None:
    """On any CPU: the engine does not even ask for an instruction that this one may lack."""
    exact, asked_for_bf16 = (
        OpenVinoEngine(tagger, precision).infer(patches) for precision in ("float32", "bf16")
    )
    for one, other in zip(exact, asked_for_bf16, strict=True):
        np.testing.assert_array_equal(one, other)


def test_torch_gives_the_definitions_scores(tagger: Tagger, patches: Array) -> None:
    engine = TorchEngine(tagger, "float32", device="cpu", batch=4)
    assert_close(engine.infer(patches), defined_results(tagger, patches))


def test_torch_in_half_precision_stays_close(tagger: Tagger, patches: Array) -> None:
    scores = TorchEngine(tagger, "bf16", device="cpu", batch=5).infer(patches)[0]
    difference = np.abs(scores - defined_results(tagger, patches)[0]).max()
    assert 0 < difference < HALF_TOLERANCE


@pytest.mark.slow
def test_a_bundle_joins_it_with_a_network_of_the_embedded_tagger(tmp_path: Path, patches: Array) -> None:
    joined = write_bundle(tmp_path / "joined", with_embedded_network(instruments_draft()))
    scores, embeddings = OpenVinoEngine(joined, "float32").infer(patches[:2])
    assert scores.shape == (2, 3 + 50) and embeddings.shape == (2, 200 + 200)
    assert_close((scores, embeddings), defined_results(joined, patches[:2]))


def with_embedded_network(draft: BundleDraft) -> BundleDraft:
    """The draft with the embedded tagger's first network behind its own; both know the drums."""
    embedded = load_tagger("musicnn")
    units = [unit for unit in embedded.units if unit.network == "mtt"]
    further = NetworkDraft(
        "mtt",
        "musicnn",
        weights_of(embedded.build_networks()[0]),
        tuple(Output(unit.label, unit.tag) for unit in units),
    )
    known, mapped = {tag.tag for tag in draft.tags}, {unit.tag for unit in units}
    rules = [rule for rule in embedded.tags if rule.tag in mapped - known]
    return replace(
        draft,
        networks=(*draft.networks, further),
        tags=(*draft.tags, *(TagDraft(rule.tag, rule.facet, rule.threshold) for rule in rules)),
        selection=Selection(embedded.selection.limits, ()),
    )
