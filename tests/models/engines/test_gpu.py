"""The engine on a real GPU, where there is one: the CPU's scores, short memory, callers at once."""

from __future__ import annotations

import gc
import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager

import numpy as np
import pytest
import torch

from tests.models.engines.definition import GENTLE, defined_results, made_up_patches
from tonearm.models.bundles.loading import load_tagger
from tonearm.models.bundles.tagger import Tagger
from tonearm.models.engines.contract import Array
from tonearm.models.engines.torch_engine import FallbackEngine, TorchEngine

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU that PyTorch can use")

FLOAT32_TOLERANCE = 1e-5
HALF_TOLERANCE = 5e-3  # of a patch, in float16
MIB = 1 << 20


@pytest.fixture(scope="module")
def tagger() -> Tagger:
    return load_tagger("musicnn")


@pytest.fixture(scope="module")
def patches() -> Array:
    return made_up_patches()


@pytest.fixture(scope="module")
def expected(tagger: Tagger, patches: Array) -> tuple[Array, Array]:
    return defined_results(tagger, patches)


@pytest.fixture(scope="module")
def engine(tagger: Tagger) -> TorchEngine:
    return TorchEngine(tagger, "float32")


@pytest.mark.parametrize("number", [1, 2, 9, 127, 128, 129, 300, 513])
def test_the_gpu_gives_the_definitions_scores(
    engine: TorchEngine, patches: Array, expected: tuple[Array, Array], number: int
) -> None:
    order = np.random.default_rng(number).integers(len(patches), size=number)
    scores, embeddings = engine.infer(patches[order])
    assert scores.dtype == embeddings.dtype == np.float32
    np.testing.assert_allclose(scores, expected[0][order], rtol=0, atol=FLOAT32_TOLERANCE)
    np.testing.assert_allclose(embeddings, expected[1][order], rtol=0, atol=1e-4)


def test_half_precision_stays_close(tagger: Tagger, patches: Array, expected: tuple[Array, Array]) -> None:
    scores = TorchEngine(tagger, "bf16").infer(patches[GENTLE])[0]
    difference = np.abs(scores - expected[0][GENTLE]).max()
    assert FLOAT32_TOLERANCE < difference < HALF_TOLERANCE  # were it less, float16 would not be in use


def test_callers_at_once_get_their_own_scores(
    engine: TorchEngine, patches: Array, expected: tuple[Array, Array]
) -> None:
    orders = [np.roll(np.tile(np.arange(len(patches)), 20), shift) for shift in range(8)]
    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda order: engine.infer(patches[order])[0], orders))
    for order, scores in zip(orders, together, strict=True):
        np.testing.assert_allclose(scores, expected[0][order], rtol=0, atol=FLOAT32_TOLERANCE)


def test_little_memory_costs_the_size_of_batches_and_no_score(
    tagger: Tagger, patches: Array, expected: tuple[Array, Array]
) -> None:
    engine = TorchEngine(tagger, "float32")
    order = np.arange(256) % len(patches)
    with _memory_left(600 * MIB):
        scores = engine.infer(patches[order])[0]
    np.testing.assert_allclose(scores, expected[0][order], rtol=0, atol=FLOAT32_TOLERANCE)
    assert 8 <= engine._batch < 128


def test_a_gpu_whose_memory_is_taken_is_replaced_by_the_cpu_with_one_warning(
    tagger: Tagger, patches: Array, expected: tuple[Array, Array], caplog: pytest.LogCaptureFixture
) -> None:
    engine = FallbackEngine(
        gpu=lambda: TorchEngine(tagger, "float32"),
        cpu=lambda: TorchEngine(tagger, "float32", device="cpu", batch=9),
    )
    assert engine.device == "cuda"
    with _memory_left(4 * MIB), caplog.at_level(logging.WARNING), ThreadPoolExecutor(2) as pool:
        results = list(pool.map(engine.infer, [patches] * 2))
    assert engine.device == "cpu"
    assert len(caplog.records) == 1
    assert "The GPU cannot be used" in caplog.text
    for scores, _ in results:
        np.testing.assert_allclose(scores, expected[0], rtol=0, atol=FLOAT32_TOLERANCE)


@contextmanager
def _memory_left(size: int) -> Iterator[None]:
    """Take all of the GPU's memory but so many bytes, and give it back."""
    gc.collect()
    torch.cuda.empty_cache()
    free, _ = torch.cuda.mem_get_info()
    taken = torch.empty(max(0, free - size), dtype=torch.uint8, device="cuda")
    try:
        yield
    finally:
        del taken
        torch.cuda.empty_cache()
