"""Fine-tuning: which weights move, and that it goes on where it was broken."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.learning.training.planted_dataset import planted_splits, write_planted_dataset
from tests.learning.training.trainings import BrokenError, Listening, training_call
from tonearm.learning.training.run import train
from tonearm.learning.training.start import Base, Tune, base_of
from tonearm.models.bundles.loading import load_tagger


@pytest.fixture(scope="module")
def dataset(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_planted_dataset(tmp_path_factory.mktemp("sets") / "planted", planted_splits(16, 16))


@pytest.fixture(scope="module")
def base(dataset: Path, tmp_path_factory: pytest.TempPathFactory) -> Base:
    trained = train(training_call(dataset, tmp_path_factory.mktemp("base") / "bundle", epochs=1), Listening())
    return base_of(trained.tagger, None, None)


def moved(bundle: Path, base: Base) -> set[str]:
    """The tensors that differ from the bundle that it began with."""
    tagger = load_tagger(str(bundle))
    after = tagger.build_network(tagger.networks[0]).state_dict()
    before = base.tagger.build_network(base.network).state_dict()
    return {name for name, values in after.items() if not values.equal(before[name])}


@pytest.mark.slow
def test_the_head_alone_moves_and_a_broken_training_goes_on(
    dataset: Path, base: Base, tmp_path: Path
) -> None:
    whole, broken = tmp_path / "whole", tmp_path / "broken"
    train(training_call(dataset, whole, base=base), Listening())
    assert moved(whole, base) == {"output.weight", "output.bias"}
    with pytest.raises(BrokenError):
        train(training_call(dataset, broken, base=base, checkpoint_s=0.0), Listening(break_at=3))
    train(training_call(dataset, broken, base=base, resume=True), Listening())
    for name in ("short_chunk.safetensors", "bundle.json"):
        assert (broken / name).read_bytes() == (whole / name).read_bytes()


@pytest.mark.slow
def test_all_weights_move_from_where_they_were(dataset: Path, base: Base, tmp_path: Path) -> None:
    output = tmp_path / "bundle"
    settings = {"epochs": 1, "learning_rate": 1e-4}
    train(training_call(dataset, output, base=base, tune=Tune.ALL, **settings), Listening())
    tagger = load_tagger(str(output))
    after = tagger.build_network(tagger.networks[0]).state_dict()
    before = base.tagger.build_network(base.network).state_dict()
    assert "blocks.0.first.conv.weight" in moved(output, base)
    difference = (after["dense.weight"] - before["dense.weight"]).abs().max()
    assert 0 < difference < 0.01
