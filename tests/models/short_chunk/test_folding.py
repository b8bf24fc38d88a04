"""Batch norms that became part of convolutions change no score."""

from __future__ import annotations

import torch
from torch import nn

from tests.bundle_drafts import log_mel_like, short_chunk_network
from tonearm.models.short_chunk.folding import folded


def test_scores_and_embeddings_stay() -> None:
    network, patches = short_chunk_network(4), log_mel_like(3)
    scores, embeddings = folded(network)(patches)
    torch.testing.assert_close(scores, network(patches)[0], rtol=0, atol=1e-5)
    torch.testing.assert_close(embeddings, network(patches)[1], rtol=0, atol=1e-4)


def test_no_batch_norm_is_left_behind_a_convolution_and_the_network_stays_as_it_is() -> None:
    network = short_chunk_network(4)
    before = {name: tensor.clone() for name, tensor in network.state_dict().items()}
    convolutions = [module for module in folded(network).modules() if isinstance(module, nn.Conv2d)]
    norms = [module for module in folded(network).modules() if isinstance(module, nn.BatchNorm2d)]
    assert all(convolution.bias is not None for convolution in convolutions)
    assert len(norms) == 1  # of the patches themselves
    after = network.state_dict()
    assert before.keys() == after.keys()
    assert all(torch.equal(before[name], after[name]) for name in before)
