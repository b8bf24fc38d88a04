"""The end of a build: what became of all shards is put together, checked and described."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import Any

from tonearm.errors import TonearmError
from tonearm.learning.building.failures import FailedTrack, write_failures
from tonearm.learning.building.folder import BuildFolder
from tonearm.learning.building.planning import BuildPlan, PlannedTrack
from tonearm.learning.building.splits import SplitError, two_splits
from tonearm.learning.building.tallies import ShardTally, read_tally, tally_name
from tonearm.learning.datasets.description import Description, front_end_told, shard_told
from tonearm.learning.datasets.writing import write_description
from tonearm.learning.labelled.track import Split
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Stage

_READERS = 16
"""Tallies are read side by side: in a store each takes some tens of milliseconds."""

_SAMPLING = (
    "of a track with more patches, the middle one of each of patches_per_track parts of equal length; the "
    "patches are those of an ingestion with its usual --max_patches"
)


class UnbuiltError(TonearmError):
    """The data set is not whole, and is not described; the message says why and what to do."""


def told_before(plan: BuildPlan) -> dict[str, Any]:
    """What a description says that is known before the work: two builds that agree in it are the same."""
    return {
        "front_end": front_end_told(plan.front_end),
        "labels": list(plan.vocabulary.labels),
        "labels_left_out": dict(plan.vocabulary.left_out),
        "rules": {**plan.rules.told, "sampling": _SAMPLING},
        "manifest": {"rows": plan.rows, "rows_sha256": plan.rows_sha256},
    }


def complete(plan: BuildPlan, location: str, version: str, max_failed_fraction: float) -> Description:
    """Describe a data set whose shards are written; with that it is whole.

    Args:
        plan: What was to be built.
        location: The data set.
        version: Of this program.
        max_failed_fraction: The largest share of the tracks that may have failed.

    Returns:
        What is written of it.

    Raises:
        UnbuiltError: Too many tracks failed, or tallies are missing.
        SplitError: The same audio is on both sides of a split. Nothing that was written stays.
    """
    folder = BuildFolder(location)
    tallies = _tallies(plan, location, version)
    failed = [*_unusable(plan), *(each for tally in tallies for each in tally.failed)]
    failed.sort(key=lambda each: (each.manifest, each.manifest_row))
    try:
        _require_training(plan, tallies, failed)
        _require_one_split(plan, tallies)
    except (UnbuiltError, SplitError):
        folder.clear()
        raise
    _require_few_failures(plan, failed, max_failed_fraction)
    shards = [tally.shard for tally in tallies if tally.shard]
    folder.sweep_shards({f"{shard.split}/{shard.name}" for shard in shards})
    told = {
        **told_before(plan),
        "splits": {str(split): _split_told(plan, tallies, split) for split in Split},
        "counts": _counts(plan, tallies, failed),
        "consent": {"missing": plan.missing, "contradicted": plan.contradicted},
        "failed": dict(sorted(Counter(f"{each.stage}/{each.error}" for each in failed).items())),
        "failures": write_failures(location, failed),
        "shards": [shard_told(shard) for shard in shards],
        "origin": {"folder": plan.folder, "tonearm": version},
    }
    description = write_description(location, told)
    folder.end_building()
    return description


def _tallies(plan: BuildPlan, location: str, version: str) -> list[ShardTally]:
    names = [
        tally_name(shard, plan.front_end, plan.vocabulary.labels, plan.rules, version)
        for shard in plan.shards
    ]
    with ThreadPoolExecutor(_READERS) as pool:
        found = list(pool.map(partial(read_tally, location), names))
    tallies = [tally for tally in found if tally]
    if missing := len(found) - len(tallies):
        raise UnbuiltError(
            f"{location}: of {len(found)} shards {missing} were not written, or something has deleted what "
            "was noted of them; the same command writes them"
        )
    return tallies


def _unusable(plan: BuildPlan) -> Iterable[FailedTrack]:
    for row in plan.unusable:
        place = row.track_id, row.place, row.manifest, row.manifest_row
        yield FailedTrack(*place, Stage.SOURCE, ErrorWord.INVALID_ROW, row.problem, retriable=False)


def _require_training(plan: BuildPlan, tallies: Sequence[ShardTally], failed: Sequence[FailedTrack]) -> None:
    shards = zip(plan.shards, tallies, strict=True)
    if any(tally.written for shard, tally in shards if shard.split is Split.TRAIN):
        return
    example = f", such as {_named(failed[0])}" if failed else ""
    raise UnbuiltError(f"no track could be read that would be trained on{example}. Nothing was written")


def _require_one_split(plan: BuildPlan, tallies: Sequence[ShardTally]) -> None:
    """Refuse the same bytes of audio on both sides of a split, under whatever names."""
    first_of: dict[str, tuple[Split, str]] = {}
    for shard, tally in zip(plan.shards, tallies, strict=True):
        for track in tally.written:
            split, track_id = first_of.setdefault(track.content_sha256, (shard.split, track.track_id))
            if split is not shard.split:
                raise SplitError(two_splits(track_id, split, track.track_id, shard.split))


def _require_few_failures(plan: BuildPlan, failed: Sequence[FailedTrack], max_fraction: float) -> None:
    tried = plan.tracks + len(plan.unusable)
    if failed and len(failed) / tried > max_fraction:
        raise UnbuiltError(
            f"{len(failed)} of {tried} tracks failed, more than --max_failed_fraction {max_fraction:g}, "
            f"such as {_named(failed[0])}. No data set was made; once the cause is mended, the same command "
            "does the rest"
        )


def _named(failed: FailedTrack) -> str:
    return f"{failed.track_id or f'row {failed.manifest_row}'}: {failed.error}: {failed.message}"


def _counts(plan: BuildPlan, tallies: Sequence[ShardTally], failed: Sequence[FailedTrack]) -> dict[str, int]:
    counts = {
        "seen": plan.rows,
        "written": sum(len(tally.written) for tally in tallies),
        "without_consent": plan.missing + plan.contradicted,
        "without_labels": plan.without_labels,
        "failed": len(failed),
    }
    if counts["seen"] != sum(counts.values()) - counts["seen"]:
        raise UnbuiltError(f"the counts do not add up, which is a fault in this program: {counts}")
    return counts


def _split_told(plan: BuildPlan, tallies: Sequence[ShardTally], split: Split) -> dict[str, Any]:
    """How many tracks, groups and patches a split has, and of how many tracks each label is known."""
    seconds: dict[str, float] = {}
    tracks: list[PlannedTrack] = []
    patches = 0
    for shard, tally in zip(plan.shards, tallies, strict=True):
        if shard.split is split:
            of_shard = {track.track_id: track.seconds for track in tally.written}
            seconds |= of_shard
            tracks += [track for track in shard.tracks if track.track_id in of_shard]
            patches += tally.shard.patches if tally.shard else 0
    return {
        "tracks": len(tracks),
        "groups": len({track.group or f"\n{track.track_id}" for track in tracks}),
        "patches": patches,
        "seconds": round(sum(seconds.values()), 3),
        "labels": _label_counts(plan.vocabulary.labels, tracks),
    }


def _label_counts(labels: Sequence[str], tracks: Iterable[PlannedTrack]) -> Mapping[str, dict[str, int]]:
    counts: dict[str, Counter[int]] = defaultdict(Counter)
    for track in tracks:
        for label, value in zip(labels, track.labels, strict=True):
            counts[label][value] += 1
    return {
        label: {"positive": counts[label][1], "negative": counts[label][-1], "unknown": counts[label][0]}
        for label in labels
    }
