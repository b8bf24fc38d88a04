"""Refuses to make spectrograms that give less away beside those that give more: both would be handed over."""

from __future__ import annotations

from tonearm.errors import WrongCallError
from tonearm.pipelines.runs.order import SpectrogramWish
from tonearm.transforms.tables.stored_rows import table_rows


def require_nothing_more_telling(output: str, wish: SpectrogramWish) -> None:
    """Check that an output holds no spectrograms that give more away than is wanted now.

    What is there counts as made and is never removed, ``--remake`` or not.

    Args:
        output: Where the spectrograms are written.
        wish: What is wanted now.

    Raises:
        WrongCallError: A run left such there, or was killed and may have.
        OutputError: The output cannot be read.
    """
    for run in table_rows(output, "runs"):
        settings = dict(run["settings"])
        if not run["n_tagged"] and run["ended"]:
            continue
        before = SpectrogramWish(
            with_uris=settings.get("spectrograms_with_uris") == "True",
            hop_gap=int(settings.get("spectrograms_hop_gap", wish.hop_gap)),
        )
        if before.with_uris > wish.with_uris or before.hop_gap < wish.hop_gap:
            uris = "with URIs" if before.with_uris else "without URIs"
            raise WrongCallError(
                f"{output} holds spectrograms that run {run['run_id']} made with --hop_gap {before.hop_gap} "
                f"and {uris}, which give more away than is wanted now. They would stay there and be handed "
                "over too: choose a new --output"
            )
