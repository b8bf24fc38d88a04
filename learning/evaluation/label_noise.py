"""What wrong labels do to figures: how good a perfect tagger would look, and how many there can be.

If a share e of a tag's labels were turned round by chance, a perfect tagger would be held against truths
that are in part not so. With p the share of positive labels, its ROC-AUC would be::

    A(e) = 1/2 + (p - e) (1 - p - e) / (2 (1 - 2 e) p (1 - p))

(after Menon et al. 2015, "Learning from Corrupted Binary Labels via Class-Probability Estimation", with both
rates equal). No tagger measures above that but by luck or by having learnt the errors themselves, so a
measured ROC-AUC bounds e. Errors that depend on how the music sounds are not bounded by it.
"""

from __future__ import annotations

import math


def ceiling(noise: float, share: float) -> float | None:
    """ROC-AUC that a perfect tagger would show.

    Args:
        noise: Share of the labels that are wrong by chance, 0 to below 1/2.
        share: Share of positive labels.

    Returns:
        1/2 to 1; None if so many wrong labels cannot be: there are fewer positive ones, or negative ones.

    Example:
        >>> round(ceiling(0.05, 0.2), 3), ceiling(0.05, 0.04)
        (0.891, None)
    """
    if noise > min(share, 1 - share) or not 0 < share < 1:
        return None
    return 0.5 + (share - noise) * (1 - share - noise) / (2 * (1 - 2 * noise) * share * (1 - share))


def most_noise(roc_auc: float, share: float) -> float | None:
    """Share of wrong labels with which a perfect tagger would show just this ROC-AUC.

    Args:
        roc_auc: The measured one, or the lower end of its interval for a bound that is not due to luck.
        share: Share of positive labels, above 0 and below 1.

    Returns:
        0 to 1/2; None for a ROC-AUC of 1/2 and less, which bounds nothing.

    Example:
        >>> round(most_noise(ceiling(0.05, 0.2), 0.2), 12)
        0.05
    """
    if roc_auc <= 0.5:
        return None
    variance, excess = share * (1 - share), 2 * roc_auc - 1
    linear = 1 - 2 * excess * variance
    return (linear - math.sqrt(max(0.0, linear**2 - 4 * variance * (1 - excess)))) / 2
