"""Tallies: what became of each shard, written when its file is; a build that is run again keeps such shards.

A tally is named by what was to be written, and says at which generations the audio was read. So a shard is
kept as long as its tracks, their labels, their audio and the rules are the same, whatever else has changed.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from tonearm.learning.building.failures import FailedTrack
from tonearm.learning.building.planning import PlannedShard
from tonearm.learning.building.rules import BuildRules
from tonearm.learning.datasets.description import ShardEntry, shard_entry, shard_told
from tonearm.models.front_end import FrontEnd
from tonearm.transforms.storage.objects import joined, read_object, write_object

BUILDING = "_building"
"""The folder, in that of the data set, of what is needed only until it is whole."""

TALLIES = f"{BUILDING}/tallies"


@dataclass(frozen=True, slots=True)
class WrittenTrack:
    """A track that stands in a shard.

    Attributes:
        track_id: Its id.
        content_sha256: SHA-256 of its audio file.
        seconds: Seconds that were decoded.
    """

    track_id: str
    content_sha256: str
    seconds: float


@dataclass(frozen=True, slots=True)
class ShardTally:
    """What became of a shard.

    Attributes:
        generations: Of each track's audio, when it was read; empty where it could not be looked at.
        shard: Its file; None if all of its tracks failed.
        written: Its tracks.
        failed: Tracks that should be in it, and are not.
    """

    generations: Sequence[str]
    shard: ShardEntry | None
    written: Sequence[WrittenTrack]
    failed: Sequence[FailedTrack]


def tally_name(
    shard: PlannedShard, front_end: FrontEnd, labels: Sequence[str], rules: BuildRules, version: str
) -> str:
    """The name of a shard's tally, which tells all that decides the shard's bytes but the audio.

    Args:
        shard: What is to be written.
        front_end: What makes the patches.
        labels: The vocabulary.
        rules: Those of the build.
        version: Of this program.
    """
    reading = [rules.patches_per_track, str(rules.decoder), rules.max_track_bytes]
    tracks = [{**asdict(track), "uri": ""} for track in shard.tracks]
    told = [version, front_end.fingerprint, list(labels), reading, str(shard.split), tracks]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:32]


def write_tally(location: str, name: str, tally: ShardTally) -> None:
    """Write the tally of a shard whose file is there."""
    told = {**asdict(tally), "shard": shard_told(tally.shard) if tally.shard else None}
    write_object(_place(location, name), json.dumps(told, ensure_ascii=False).encode())


def read_tally(location: str, name: str) -> ShardTally | None:
    """The tally of a shard; None if there is none that can be read."""
    found = read_object(_place(location, name))
    if found is None:
        return None
    try:
        told = json.loads(found.content)
        return ShardTally(
            generations=told["generations"],
            shard=shard_entry(told["shard"]) if told["shard"] else None,
            written=[WrittenTrack(**each) for each in told["written"]],
            failed=[FailedTrack(**each) for each in told["failed"]],
        )
    except (ValueError, TypeError, KeyError):
        return None


def _place(location: str, name: str) -> str:
    return joined(location, TALLIES, f"{name}.json")
