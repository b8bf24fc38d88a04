"""The model card says in words which tags may be relied on."""

from __future__ import annotations

from tonearm.learning.training.outcome.cards import advice_on
from tonearm.learning.training.outcome.figures import Figures, TagFigures


def figures_of(tag: str, positives: int, roc_auc: float | None) -> TagFigures:
    return TagFigures(tag, "instrument", positives, 50, roc_auc, 0.5, 0.5, 0.5, 0.5, "platt")


def test_each_tag_is_told_once_by_what_is_known_of_it() -> None:
    tags = (
        figures_of("piano", 30, 0.95),
        figures_of("reed", 10, 0.7),
        figures_of("flute", 30, 0.47),
        figures_of("organ", 3, 0.99),
        figures_of("voice", 60, None),
    )
    assert advice_on(Figures(63, 0.8, 0.6, tags)).splitlines() == [
        "- Told apart well (ROC-AUC of 0.7 and more): piano, reed.",
        "- Weak, not to be shown without a look (ROC-AUC below 0.7): flute.",
        "- Not known: fewer than 10 validation tracks have the tag, or all have: organ, voice.",
    ]


def test_what_no_tag_is_stays_unsaid() -> None:
    assert "Weak" not in advice_on(Figures(63, 0.9, 0.6, (figures_of("piano", 30, 0.95),)))
