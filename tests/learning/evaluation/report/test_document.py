"""Every figure and interval of a report follows from the scores beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.learning.evaluation.recomputing import Recomputed
from tests.learning.evaluation.report.evaluations import made_up
from tonearm.learning.evaluation.report.document import document_of
from tonearm.learning.evaluation.report.files import files_of


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an evaluation."""
    folder = tmp_path_factory.mktemp("evaluation")
    evaluation = made_up(separation=1.5)
    for name, content in files_of(evaluation, document_of(evaluation)).items():
        (folder / name).write_bytes(content)
    return folder


def test_every_figure_follows_from_the_scores(written: Path) -> None:
    assert Recomputed(written).differences() == {}


@pytest.mark.parametrize("figure", ["roc_auc", "pr_auc", "precision", "brier"])
def test_intervals_follow_from_the_scores(written: Path, figure: str) -> None:
    recomputed = Recomputed(written)
    for place, block in ((0, recomputed.report["tags"][0]), (None, recomputed.report["overall"])):
        assert block["figures"][figure]["interval"] == pytest.approx(recomputed.interval(figure, place))
