"""However a ``bundle.json`` is changed, its tagger tags or is refused by name; it never fails later."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.toy_architecture import ToyArchitecture, write_bundle
from tests.tracks import embedding_size
from tonearm.models.architectures import ARCHITECTURES
from tonearm.models.bundles.files import BundleError
from tonearm.models.bundles.loading import load_tagger
from tonearm.models.bundles.tagger import Tagger
from tonearm.models.bundles.tags import tag_scores
from tonearm.models.engines.torch_engine import TorchEngine
from tonearm.models.front_end import FrontEnd
from tonearm.transforms.features.spectrogram import spectrogram_of

Json = Any

NUMBERS = st.one_of(
    st.integers(-3, 300),
    st.sampled_from([2**31, 2**63, 10**400, -(10**30), 0.5, 1e-300, 1e300]),
    st.floats(allow_nan=True, allow_infinity=True),
)
WORDS = st.sampled_from(
    ["", " ", "guitar", "rock", "first", "toy", "musicnn", "max", "genre", "\ud800", "\0", "a\nb"]
)
VALUES = st.recursive(
    st.one_of(st.none(), st.booleans(), NUMBERS, WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(WORDS, inner, max_size=3)),
    max_leaves=4,
)
SETTINGS = {
    "sample_rate_hz": st.sampled_from([0, 1, 999, 8000, 16000, 44100, 10**9]),
    "fft_length": st.sampled_from([-512, 0, 1, 15, 16, 17, 256, 512, 2048, 2**40]),
    "hop_length": st.sampled_from([-1, 0, 1, 128, 256, 512, 513, 4096]),
    "mel_bands": st.sampled_from([-1, 0, 1, 3, 10, 64, 68, 69, 96, 1024, 10**9]),
    "min_frequency_hz": st.sampled_from([-1.0, 0.0, 20.0, 7999.0, 8000.0, float("nan"), float("inf")]),
    "max_frequency_hz": st.sampled_from(
        [-1.0, 0.0, 1.0, 4000.0, 8000.0, 11025.0, float("nan"), float("inf")]
    ),
    "log_gain": st.sampled_from([-1.0, 0.0, 1e-6, 1.0, 10000.0, 1e300, float("nan"), float("inf")]),
    "patch_frames": st.sampled_from([-187, 0, 1, 4, 5, 40, 187, 10**6, 2**62]),
    "patch_hop_frames": st.sampled_from([-187, 0, 1, 40, 93, 187, 400, 10**6]),
}


@pytest.fixture(scope="module")
def toy_bundle(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A bundle of two toys, whose ``bundle.json`` each example writes anew."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(ARCHITECTURES, "toy", ToyArchitecture())
        yield keep_original(
            with_calibrations(
                write_bundle(tmp_path_factory.mktemp("bundles") / "toys", ["first", "second one"])
            )
        )


@pytest.fixture(scope="module")
def musicnn_bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of one trained network, of which the same holds."""
    return keep_original(write_bundle(tmp_path_factory.mktemp("bundles") / "musicnn", ["mtt"]))


def with_calibrations(bundle: Path) -> Path:
    """Give two of the tags a calibration, one of each kind."""
    document = json.loads((bundle / "bundle.json").read_text())
    document["tags"]["guitar"]["calibration"] = {"kind": "platt", "slope": 1.5, "offset": -0.25}
    points = {"scores": [0.1, 0.4, 0.9], "probabilities": [0.0, 0.5, 1.0]}
    document["tags"]["rock"]["calibration"] = {"kind": "isotonic", **points}
    (bundle / "bundle.json").write_text(json.dumps(document))
    return bundle


def keep_original(bundle: Path) -> Path:
    """Leave a copy of ``bundle.json`` beside it."""
    (bundle / "original.json").write_bytes((bundle / "bundle.json").read_bytes())
    return bundle


def places(node: Json) -> Iterator[tuple[Json, str | int]]:
    """Every value of a document, by what holds it and where."""
    keys = list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else []
    for key in keys:
        yield node, key
        yield from places(node[key])


@st.composite
def mutated(draw: st.DrawFn, document: Json) -> Json:
    """The document with up to three values exchanged, removed or doubled."""
    changed = copy.deepcopy(document)
    for _ in range(draw(st.integers(1, 3))):
        holder, key = draw(st.sampled_from(list(places(changed))))
        kind = draw(st.sampled_from(["exchange", "exchange", "remove", "double"]))
        if kind == "exchange":
            holder[key] = draw(VALUES)
        elif kind == "remove":
            del holder[key]
        elif isinstance(holder, list):
            holder.append(holder[key])
        if not list(places(changed)):
            break
    return changed


def tag_noise(tagger: Tagger) -> None:
    """Take a second of noise all the way from samples to tags."""
    rate_hz = tagger.front_end.sample_rate_hz
    noise = np.random.default_rng(0).standard_normal(rate_hz, np.float32)
    patches = spectrogram_of([noise], tagger.front_end, max_patches=2).patches
    assert patches.shape[1:] == (tagger.front_end.patch_frames, tagger.front_end.mel_bands)
    scores, embeddings = TorchEngine(tagger, "float32", device="cpu", batch=1).infer(patches)
    assert np.isfinite(scores).all()
    assert embeddings.shape == (len(patches), embedding_size(tagger))
    tags = tag_scores(tagger, scores)
    assert all(0 <= value <= 1 for tag in tags for value in (tag.score, tag.peak, tag.presence))
    json.dumps([tag.tag for tag in tags], ensure_ascii=False).encode()
    tagger.identity.encode()


def tags_or_is_refused(bundle: Path, document: Json) -> None:
    (bundle / "bundle.json").write_text(json.dumps(document))
    try:
        tagger = load_tagger(str(bundle))
    except BundleError as error:
        assert "bundle.json" in str(error) or "tagger at" in str(error) or "tensor" in str(error).lower()
    else:
        tag_noise(tagger)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(data=st.data())
def test_a_document_with_values_exchanged(toy_bundle: Path, data: st.DataObject) -> None:
    original = json.loads((toy_bundle / "original.json").read_text())
    tags_or_is_refused(toy_bundle, data.draw(mutated(original)))


@settings(max_examples=150, deadline=None, derandomize=True)
@given(changes=st.fixed_dictionaries({}, optional=SETTINGS))
def test_a_front_end_for_an_architecture_that_takes_most(toy_bundle: Path, changes: dict[str, Any]) -> None:
    tags_or_is_refused_with_front_end(toy_bundle, changes)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(changes=st.fixed_dictionaries({}, optional=SETTINGS))
def test_a_front_end_for_musicnn(musicnn_bundle: Path, changes: dict[str, Any]) -> None:
    tags_or_is_refused_with_front_end(musicnn_bundle, changes)


def tags_or_is_refused_with_front_end(bundle: Path, changes: dict[str, Any]) -> None:
    """Its fingerprint is right, so nothing but the settings can be refused."""
    document = json.loads((bundle / "original.json").read_text())
    chosen = document["front_end"]["settings"] | changes
    document["front_end"] = {"settings": chosen, "fingerprint": FrontEnd(**chosen).fingerprint}
    tags_or_is_refused(bundle, document)
