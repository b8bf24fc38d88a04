"""The engines give the scores of the PyTorch definition, however patches come and whoever asks."""

from __future__ import annotations

import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.models.engines.definition import GENTLE, defined_results, made_up_patches
from tonearm.models.bundles.loading import load_tagger
from tonearm.models.bundles.tagger import Tagger
from tonearm.models.engines import openvino_engine as openvino_module
from tonearm.models.engines import shared as engine_module
from tonearm.models.engines import torch_engine
from tonearm.models.engines.arrangement import ArrangedTagger
from tonearm.models.engines.contract import Array, Engine, PrecisionError
from tonearm.models.engines.openvino_engine import OpenVinoEngine
from tonearm.models.engines.openvino_library import openvino
from tonearm.models.engines.shared import require_precision, shared_engine
from tonearm.models.engines.torch_engine import FallbackEngine, TorchEngine
from tonearm.models.front_end import FrontEnd
from tonearm.models.musicnn.filter_inputs import filter_inputs
from tonearm.models.musicnn.fusion import FusedMusicnn
from tonearm.transforms.audio.reader import open_audio
from tonearm.transforms.features.spectrogram import spectrogram_of

FLOAT32_TOLERANCE = 1e-5
BF16_TOLERANCE = 2e-3  # of a patch, since a track may be one
HALF_TOLERANCE = 5e-3  # of a patch, float16 on a GPU

SAMPLES = [
    Path(__file__).parents[3] / "samples" / name
    for name in ("bach_prelude.flac", "night_bus.ogg", "garage_door.mp3")
]

needs_bf16 = pytest.mark.skipif(
    "BF16" not in openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES"),
    reason="this CPU does not multiply bfloat16",
)


@pytest.fixture(scope="module", autouse=True)
def cache(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """An empty cache, so that graphs are exported here and now."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("cache")))
        yield


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
def openvino_engine(tagger: Tagger) -> OpenVinoEngine:
    return OpenVinoEngine(tagger, "float32")


@pytest.mark.parametrize("number", [1, 2, 3, 9])
def test_openvino_gives_the_definitions_scores(
    openvino_engine: OpenVinoEngine, patches: Array, expected: tuple[Array, Array], number: int
) -> None:
    scores, embeddings = openvino_engine.infer(patches[:number])
    assert scores.dtype == embeddings.dtype == np.float32
    np.testing.assert_allclose(scores, expected[0][:number], rtol=0, atol=FLOAT32_TOLERANCE)
    np.testing.assert_allclose(embeddings, expected[1][:number], rtol=0, atol=1e-4)


def test_openvino_leaves_its_input_alone(openvino_engine: OpenVinoEngine, patches: Array) -> None:
    before = patches.copy()
    openvino_engine.infer(patches[::2])
    openvino_engine.infer(patches[::-1])
    np.testing.assert_array_equal(patches, before)


def test_openvino_takes_callers_at_once(openvino_engine: OpenVinoEngine, patches: Array) -> None:
    alone = openvino_engine.infer(patches)[0]
    orders = [np.roll(np.arange(len(patches)), shift) for shift in range(6)]
    with ThreadPoolExecutor(3) as pool:
        together = list(pool.map(lambda order: openvino_engine.infer(patches[order])[0], orders))
    for order, scores in zip(orders, together, strict=True):
        np.testing.assert_array_equal(scores, alone[order])


@needs_bf16
def test_openvino_in_bf16_stays_close(tagger: Tagger, patches: Array, expected: tuple[Array, Array]) -> None:
    differences = np.abs(OpenVinoEngine(tagger, "bf16").infer(patches)[0] - expected[0])
    assert FLOAT32_TOLERANCE < differences.max() < BF16_TOLERANCE  # were it less, bf16 would not be in use


@needs_bf16
def test_bf16_is_fit_for_tracks_of_one_patch(tagger: Tagger, openvino_engine: OpenVinoEngine) -> None:
    """No mean over patches evens anything out there: each excerpt of the samples is a track of its own."""
    excerpts = np.concatenate([_patches_of(path) for path in SAMPLES])
    exact, rounded = (
        engine.infer(excerpts)[0] for engine in (openvino_engine, OpenVinoEngine(tagger, "bf16"))
    )
    np.testing.assert_allclose(rounded, exact, rtol=0, atol=BF16_TOLERANCE)


def test_fusing_unpruned_networks_keeps_the_scores(
    tagger: Tagger, patches: Array, expected: tuple[Array, Array]
) -> None:
    with torch.inference_mode():
        fused = FusedMusicnn(tagger.build_networks(), 187, 96, rounded=False).eval()  # type: ignore[arg-type]
        scores = fused(*filter_inputs(torch.from_numpy(patches[:3]), rounded=False).parts())[0].numpy()
    np.testing.assert_allclose(scores, expected[0][:3], rtol=0, atol=FLOAT32_TOLERANCE)


@pytest.mark.parametrize("batch", [4, 9, 16])
def test_torch_gives_the_definitions_scores(
    tagger: Tagger, patches: Array, expected: tuple[Array, Array], batch: int
) -> None:
    scores, embeddings = TorchEngine(tagger, "float32", device="cpu", batch=batch).infer(patches)
    np.testing.assert_allclose(scores, expected[0], rtol=0, atol=FLOAT32_TOLERANCE)
    assert embeddings.shape == expected[1].shape


@pytest.mark.slow
def test_the_arranged_networks_make_no_tensor_on_another_device(tagger: Tagger, patches: Array) -> None:
    """PyTorch refuses to mix devices; ``meta`` is one that every machine has."""
    module = ArrangedTagger(tagger).to("meta")
    scores, embeddings = module(torch.from_numpy(patches).to("meta"))
    assert scores.shape == (len(patches), 100)
    assert embeddings.shape == (len(patches), 400)


@pytest.mark.slow
def test_torch_in_half_precision_stays_close(
    tagger: Tagger, patches: Array, expected: tuple[Array, Array]
) -> None:
    scores = TorchEngine(tagger, "bf16", device="cpu", batch=2).infer(patches[GENTLE])[0]
    difference = np.abs(scores - expected[0][GENTLE]).max()
    assert FLOAT32_TOLERANCE < difference < HALF_TOLERANCE


def test_torch_computes_with_cudnn_and_without_tf32(
    tagger: Tagger, patches: Array, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = TorchEngine(tagger, "float32", device="cpu", batch=9)
    module, seen = engine._module, []

    def module_that_looks(batch: torch.Tensor) -> object:
        seen.append((torch.backends.cudnn.enabled, torch.backends.cudnn.allow_tf32))
        return module(batch)

    monkeypatch.setattr(engine, "_module", module_that_looks)
    engine.infer(patches)
    assert seen == [(True, False)]


def test_torch_halves_the_batch_when_memory_runs_out(
    tagger: Tagger, patches: Array, expected: tuple[Array, Array], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = TorchEngine(tagger, "float32", device="cpu", batch=32)
    module, seen = engine._module, []

    def module_with_little_memory(batch: torch.Tensor) -> object:
        seen.append(len(batch))
        if len(batch) > 8:
            raise torch.OutOfMemoryError("out of memory")
        return module(batch)

    monkeypatch.setattr(engine, "_module", module_with_little_memory)
    np.testing.assert_allclose(engine.infer(patches)[0], expected[0], rtol=0, atol=FLOAT32_TOLERANCE)
    assert seen == [32, 16, 8, 8]


def test_a_gpu_that_does_not_start_is_replaced_with_one_warning(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        engine = FallbackEngine(gpu=_broken_gpu, cpu=_FakeEngine)
    assert engine.device == "cpu"
    assert [record.getMessage() for record in caplog.records] == [
        "The GPU cannot be used (no driver); the CPU takes over, which is slower."
    ]


def test_a_gpu_that_fails_in_a_run_is_replaced_with_one_warning(
    patches: Array, caplog: pytest.LogCaptureFixture
) -> None:
    engine = FallbackEngine(gpu=lambda: _FakeEngine("cuda", failing=True), cpu=_FakeEngine)
    assert engine.device == "cuda"
    with caplog.at_level(logging.WARNING), ThreadPoolExecutor(4) as pool:
        results = list(pool.map(engine.infer, [patches] * 8))
    assert all(len(scores) == len(patches) for scores, _ in results)
    assert engine.device == "cpu"
    assert len(caplog.records) == 1


def test_a_process_shares_one_engine(tagger: Tagger, monkeypatch: pytest.MonkeyPatch) -> None:
    built = []

    def build(tagger: Tagger, precision: str) -> Engine:
        built.append(precision)
        time.sleep(0.1)  # so that the others ask while it is built
        return _FakeEngine()

    monkeypatch.setattr(engine_module, "_shared", {})
    monkeypatch.setattr(engine_module, "_build", build)
    with ThreadPoolExecutor(4) as pool:
        engines = list(pool.map(lambda _: shared_engine(tagger, "float32"), range(8)))
    assert len(set(map(id, engines))) == 1
    assert built == ["float32"]


def test_an_unknown_precision_is_refused() -> None:
    with pytest.raises(PrecisionError, match=r"no precision 'int4': give one of float32, bf16"):
        require_precision("int4")


def test_a_cpu_without_bf16_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(openvino_module, "_core", _OldCore)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(PrecisionError, match=r"AVX512_BF16 or AMX_BF16.*Old CPU has neither.*float32"):
        require_precision("bf16")


def _patches_of(path: Path) -> Array:
    with open_audio(path) as audio:
        return spectrogram_of(audio.samples(FrontEnd().sample_rate_hz), FrontEnd()).patches


def test_a_gpu_that_fails_leaves_a_cpu_without_bf16_in_float32(
    tagger: Tagger, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(openvino_module, "_core", _OldCore)
    monkeypatch.setattr(torch_engine, "TorchEngine", lambda *_: _broken_gpu())
    monkeypatch.setattr(openvino_module, "OpenVinoEngine", lambda _, precision: asked.append(precision))
    require_precision("bf16")
    engine_module._build(tagger, "bf16")
    assert asked == ["float32"]


class _FakeEngine:
    def __init__(self, device: str = "cpu", *, failing: bool = False) -> None:
        self.device = device
        self._failing = failing

    def infer(self, patches: Array) -> tuple[Array, Array]:
        if self._failing:
            raise torch.OutOfMemoryError("out of memory")
        return patches[:, 0, :2], patches[:, 0, :3]


class _OldCore:
    def get_property(self, device: str, name: str) -> object:
        return {"OPTIMIZATION_CAPABILITIES": ["FP32"], "FULL_DEVICE_NAME": "Old CPU "}[name]


def _broken_gpu() -> Engine:
    raise RuntimeError("no driver\nlong explanation")


SIGNAL_AFTER_AN_ENGINE = """
import gc, os, signal, threading
from tonearm.models.bundles.loading import load_tagger
from tonearm.models.engines.openvino_engine import OpenVinoEngine

signal.signal(signal.SIGTERM, lambda *_: print("heard"))
engines = [OpenVinoEngine(load_tagger("musicnn"), "float32")]
thread = threading.Thread(target=lambda: (engines.clear(), gc.collect()))
thread.start()
thread.join()
os.kill(os.getpid(), signal.SIGTERM)
"""


@pytest.mark.slow
def test_a_signal_is_heard_when_another_thread_has_let_an_engine_go() -> None:
    command = [sys.executable, "-c", SIGNAL_AFTER_AN_ENGINE]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, "heard\n"), done.stderr
