"""What people see of tracks that were withdrawn."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict

from tonearm.learning.withdrawal.withdrawing import Holdings, Rewritten
from tonearm.pipelines.reports.printing import json_for_programs, printing

_DIGITS = 12
"""Of a digest, for people; JSON has all."""


def print_withdrawal(holdings: Holdings, rewritten: Sequence[Rewritten] | None, *, as_json: bool) -> None:
    """Print what holds the tracks and what was done.

    Args:
        holdings: What was found.
        rewritten: The data sets without them; None if nothing was to be changed.
        as_json: True to print it for programs.
    """
    with printing() as console:
        if as_json:
            told = json_for_programs(_for_programs(holdings, rewritten), indent=2)
            console.print(told, markup=False, soft_wrap=True)
            return
        for line in _for_people(holdings, rewritten):
            console.print(line, markup=False, soft_wrap=True)


def _for_programs(holdings: Holdings, rewritten: Sequence[Rewritten] | None) -> dict[str, object]:
    return {
        "manifest": holdings.manifest,
        "tracks": list(holdings.track_ids),
        "not_in_manifest": holdings.not_in_manifest,
        "not_in_datasets": holdings.not_in_datasets,
        "changed": rewritten is not None,
        "datasets": [
            {"location": each.location, "digest": each.description and each.description["digest"]}
            for each in holdings.datasets
        ],
        "rewritten": [asdict(each) for each in rewritten or ()],
        "bundles": [asdict(bundle) for bundle in holdings.bundles],
        "cannot_tell": {
            "bundles": [asdict(bundle) for bundle in holdings.untold],
            "trainings": list(holdings.trainings),
        },
        "same_audio": list(holdings.same_audio),
    }


def _for_people(holdings: Holdings, rewritten: Sequence[Rewritten] | None) -> Iterator[str]:
    named = [track_id for track_id in holdings.track_ids if track_id not in holdings.not_in_manifest]
    if named:
        becomes = "would become" if rewritten is None else "is now"
        yield f"{holdings.manifest}: training_opt_in {becomes} false of {', '.join(named)}"
    for track_id in holdings.not_in_manifest:
        yield f"{holdings.manifest}: no row is of {track_id}"
    for dataset in holdings.datasets if rewritten is None else ():
        yield f"{dataset.location}: holds them in {len(dataset.shards_with(holdings.track_ids))} shards"
    for each in rewritten or ():
        if each.digest:
            before, now = _short(each.replaces), _short(each.digest)
            yield f"{each.location}: data set {before} is now {now}, without them"
        else:
            yield f"{each.location}: what an unfinished build had written was deleted; build it again"
    if holdings.not_in_datasets:
        yield f"no data set that was found holds {', '.join(holdings.not_in_datasets)}"
    for bundle in holdings.bundles:
        yield (
            f"{bundle.location}: bundle {bundle.name} learned from data set {_short(bundle.dataset)}: delete "
            "it, or train it anew; its bundle.json tells with what arguments"
        )
    for bundle in holdings.untold:
        yield (
            f"{bundle.location}: cannot tell of bundle {bundle.name}: its data set {_short(bundle.dataset)} "
            "was not found"
        )
    for folder in holdings.trainings:
        yield f"{folder}: cannot tell of a training that was not finished: begin it anew, or delete it"
    if holdings.same_audio:
        others = ", ".join(holdings.same_audio)
        yield f"the same audio is in the data sets as {others}: withdraw these too, if it is meant"


def _short(digest: str) -> str:
    return digest[:_DIGITS]
