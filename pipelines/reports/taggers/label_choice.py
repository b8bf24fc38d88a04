"""What people see of tracks that were chosen to be labelled."""

from __future__ import annotations

from tonearm.learning.next_labels.choosing import LabelChoice
from tonearm.pipelines.reports.printing import printing


def print_choice(choice: LabelChoice, wished: int, tagger: str, manifest: str) -> None:
    """Print how many tracks were chosen from which, where their manifest is, and what to do with it.

    Args:
        choice: What was chosen.
        wished: How many tracks were asked for.
        tagger: Whose rows were read.
        manifest: Where they stand.
    """
    chosen = len(choice.tracks)
    why = "others lack their row in embeddings" if choice.lacks_embeddings else "there are no more"
    fewer = "" if chosen == wished else f" of the {wished:,} that were asked for: {why}"
    before = f", of which {choice.asked:,} were asked for before" if choice.asked else ""
    with printing() as console:
        for line in (
            f"{choice.catalog:,} tracks of {tagger}{before}",
            f"{manifest}: {chosen:,} tracks{fewer}",
            "Fill in `labels` and `training_opt_in`; `tonearm dataset check` tells what is still blank.",
        ):
            console.print(line, markup=False, soft_wrap=True)
