"""Drafts of bundles with made-up weights, for tests that write, load and run bundles of trained networks."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tonearm.models.bundles.calibration import IsotonicCalibration, PlattCalibration
from tonearm.models.bundles.draft import BundleDraft, NetworkDraft, Output, TagDraft
from tonearm.models.bundles.tagger import Selection
from tonearm.models.bundles.weights import weights_of
from tonearm.models.front_end import FrontEnd
from tonearm.models.short_chunk.network import ShortChunk

NORMS = (nn.BatchNorm1d, nn.BatchNorm2d)
INSTRUMENTS = ("brass", "drums", "piano")


def log_mel_like(number: int) -> Tensor:
    """Patches whose values run as smoothly as those of log-mel spectrograms."""
    wandering = torch.randn(number, 187, 96).cumsum(dim=1).cumsum(dim=2)
    lowest, highest = wandering.amin(dim=(1, 2), keepdim=True), wandering.amax(dim=(1, 2), keepdim=True)
    return 6 * (wandering - lowest) / (highest - lowest)


def short_chunk_network(units: int, seed: int = 0) -> ShortChunk:
    """A network with the weights it starts from, and batch norms that have seen what looks like music."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        network = ShortChunk(units)
        for norm in (module for module in network.modules() if isinstance(module, NORMS)):
            norm.momentum = 1  # takes over what the one batch below shows
        with torch.no_grad():
            network.train()(log_mel_like(4))
    return network.eval()


def instruments_draft(front_end: FrontEnd | None = None) -> BundleDraft:
    """A tagger of three instruments, each calibrated in another way or not at all."""
    network = NetworkDraft(
        name="instruments",
        architecture="short_chunk",
        weights=weights_of(short_chunk_network(len(INSTRUMENTS))),
        outputs=tuple(Output(label, label) for label in INSTRUMENTS),
        about={"training_data": "made up"},
    )
    points = ((0.0, 0.4, 0.9), (0.0, 0.5, 1.0))
    return BundleDraft(
        name="instruments",
        version="1",
        description="Three instruments, from weights that nobody trained",
        front_end=front_end or FrontEnd(),
        networks=(network,),
        tags=(
            TagDraft("brass", "instrument", 0.5, calibration=PlattCalibration(slope=1.5, offset=-0.25)),
            TagDraft("drums", "instrument", 0.4, calibration=IsotonicCalibration(*points)),
            TagDraft("piano", "instrument", 0.3),
        ),
        selection=Selection({"instrument": 3}, ()),
        sections={"provenance": {"seed": 0}},
        texts={"README.md": "# Instruments\n\nMade up for tests.\n"},
    )
