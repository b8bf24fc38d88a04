"""The networks against the original implementation, from the samples on."""

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import torch
import torchaudio
from synthetic import synthetic_signal
from torch import Tensor

from tonearm.models.bundles.loading import load_tagger
from tonearm.models.front_end import FrontEnd
from tonearm.models.musicnn.pruning import prune

GOLDEN = json.loads(Path(__file__).with_name("golden_synthetic.json").read_text())


def log_mel_patches(samples: Tensor, front_end: FrontEnd) -> Tensor:
    """The front end in its plainest form, apart from the product's own."""
    mel = torchaudio.transforms.MelSpectrogram(
        sample_rate=front_end.sample_rate_hz,
        n_fft=front_end.fft_length,
        hop_length=front_end.hop_length,
        n_mels=front_end.mel_bands,
        f_max=front_end.max_frequency_hz,
        power=2.0,
        norm="slaney",
        mel_scale="slaney",
        pad_mode="constant",
    )(samples)
    frames = torch.log10(front_end.log_gain * mel + 1).T
    return torch.stack(list(frames.split(front_end.patch_frames))[:-1])


def test_signal_is_the_one_the_original_heard() -> None:
    assert hashlib.sha256(synthetic_signal().astype("<i2").tobytes()).hexdigest() == GOLDEN["signal_sha256"]


@pytest.mark.parametrize("pruned", [False, True])
def test_all_outputs_are_the_originals_on_every_patch(pruned: bool) -> None:
    tagger = load_tagger("musicnn")
    samples = torch.from_numpy(synthetic_signal().astype(np.float32) / 32768)
    patches = log_mel_patches(samples, tagger.front_end)
    trained = tagger.build_networks()
    networks = [prune(network) for network in trained] if pruned else trained
    for network, golden in zip(networks, (GOLDEN["MTT_musicnn"], GOLDEN["MSD_musicnn"]), strict=True):
        scores, embedding = network(patches)
        np.testing.assert_allclose(scores, golden["scores"], rtol=0, atol=1e-5)
        np.testing.assert_allclose(embedding.mean(dim=0), golden["embedding_mean"], rtol=0, atol=1e-4)
