"""Every figure and interval of a report follows from the scores beside it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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


@pytest.mark.parametrize(
    "path",
    [
        ("tags", 0, "figures", "roc_auc", "value"),
        ("overall", "calibration", "bins", 3, "share"),
        ("confusions", "instrument", 1, "instead"),
        ("worst_tracks", 7, "loss"),
        ("worst_tracks", 0, "wrongly_said", 0, "score"),
        ("tags", 1, "label_noise", "ceilings", 2, "roc_auc"),
        ("tags", 1, "label_noise", "at_most"),
        ("comparison", "differences", "tags", "drums", "pr_auc", "value"),
        ("comparison", "baseline", "facets", "mood", "figures", "f1", "value"),
        ("comparison", "differences", "overall", "ece", "value"),
    ],
    ids=str,
)
def test_a_figure_that_does_not_follow_is_found(written: Path, path: tuple[str | int, ...]) -> None:
    recomputed = Recomputed(written)
    *way, last = path
    inside: Any = recomputed.report
    for step in way:
        inside = inside[step]
    inside[last] += 2 if last == "instead" else 2e-6
    assert recomputed.differences() != {}


@pytest.mark.parametrize("figure", ["roc_auc", "pr_auc", "precision", "brier"])
def test_intervals_follow_from_the_scores(written: Path, figure: str) -> None:
    recomputed = Recomputed(written)
    for place, block in ((0, recomputed.report["tags"][0]), (None, recomputed.report["overall"])):
        assert block["figures"][figure]["interval"] == pytest.approx(recomputed.interval(figure, place))


@pytest.mark.parametrize("figure", ["roc_auc", "f1"])
def test_intervals_of_differences_follow_from_the_scores(written: Path, figure: str) -> None:
    recomputed = Recomputed(written)
    told = recomputed.report["comparison"]["differences"]
    for place, block in ((1, told["tags"]["drums"]), (None, told["overall"])):
        assert block[figure]["interval"] == pytest.approx(recomputed.interval_of_difference(figure, place))


def test_nothing_of_a_report_is_left_out(written: Path) -> None:
    """A key that is added to the report is to be reckoned again, or to be named here."""
    report = Recomputed(written).report
    reckoned = {"overall", "facets", "tags", "confusions", "parts", "worst_tracks", "comparison"}
    told = {"format", "format_version", "tonearm", "tagger", "baseline", "set", "intervals", "tracks"}
    assert set(report) == reckoned | told | {"not_judged", "failures", "words"}
