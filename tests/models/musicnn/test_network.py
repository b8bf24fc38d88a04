"""The architecture against plain statements of what it computes."""

import pytest
import torch
from torch import Tensor

from tonearm.models.bundles.loading import load_tagger
from tonearm.models.musicnn.network import FrontBranch, Musicnn, pad_same


@pytest.fixture(scope="module")
def network() -> Musicnn:
    return load_tagger("musicnn").build_networks()[0]


@pytest.fixture(scope="module")
def patches() -> Tensor:
    return 4 * torch.rand(3, 187, 96, generator=torch.Generator().manual_seed(1))


def test_shapes_ranges_and_parameters(network: Musicnn, patches: Tensor) -> None:
    scores, embedding = network(patches)
    assert scores.shape == (3, 50) and embedding.shape == (3, 200)
    assert scores.min() >= 0 and scores.max() <= 1
    assert sum(parameter.numel() for parameter in network.parameters()) == 787_159


@pytest.mark.parametrize(("kernel", "before"), [(4, 1), (7, 3), (32, 15), (64, 31), (128, 63)])
def test_same_padding_puts_the_odd_zero_at_the_end(kernel: int, before: int) -> None:
    padded = pad_same(torch.ones(1, 1, 5, 2), kernel)
    assert padded.shape == (1, 1, 5 + kernel - 1, 2)
    assert padded[0, 0, :, 0].nonzero().flatten().tolist() == list(range(before, before + 5))


def test_front_branch_equals_the_textbook_order_for_scales_of_either_sign() -> None:
    torch.manual_seed(0)
    branch = FrontBranch(4, (7, 10)).eval()
    branch.norm.weight.data = torch.tensor([1.5, -2.0, 0.0, -0.1])
    branch.norm.bias.data = torch.tensor([0.3, 0.2, 0.7, -0.5])
    branch.norm.running_mean = torch.tensor([0.1, 0.4, 0.0, 0.2])
    spectrogram = torch.randn(2, 1, 20, 30)
    response = branch.conv(pad_same(spectrogram, 7)).relu()
    textbook = torch.stack([branch.norm(band) for band in response.unbind(dim=3)]).amax(dim=0)
    torch.testing.assert_close(branch(spectrogram), textbook, rtol=0, atol=1e-6)


def test_pooling_is_interleaved(network: Musicnn) -> None:
    features = torch.rand(1, 753, 187)
    heard = []
    handle = network.pooled_norm.register_forward_pre_hook(lambda _, inputs: heard.append(inputs[0]))
    network.embed(features)
    handle.remove()
    assert torch.equal(heard[0][:, 0::2], features.amax(dim=2))
    assert torch.equal(heard[0][:, 1::2], features.mean(dim=2))


def test_a_patch_scores_the_same_alone_and_in_a_batch(network: Musicnn, patches: Tensor) -> None:
    together, _ = network(patches)
    alone = torch.cat([network(patch[None])[0] for patch in patches])
    torch.testing.assert_close(together, alone, rtol=0, atol=1e-6)


@pytest.mark.slow
def test_exports_with_any_batch_size(patches: Tensor) -> None:
    network = Musicnn(units=5, front_channels=(3, 3, 2, 2, 2)).eval()
    batch = torch.export.Dim("batch", min=1, max=64)
    exported = torch.export.export(network, (patches,), dynamic_shapes=({0: batch},)).module()
    traced = torch.jit.trace(network, (patches,))
    for size in (1, 2, 7):
        other = torch.rand(size, 187, 96)
        torch.testing.assert_close(exported(other), network(other))
        torch.testing.assert_close(traced(other), network(other))
