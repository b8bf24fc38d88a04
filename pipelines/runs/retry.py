"""Retries: announces the tracks of ``failures`` again, each as its object is now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

from tonearm.transforms.elements.arrival import Arrival, track_of
from tonearm.transforms.elements.error_words import ErrorWord
from tonearm.transforms.elements.failure import Stage
from tonearm.transforms.elements.track import Track
from tonearm.transforms.sources.listing import track_id_of
from tonearm.transforms.sources.spectrogram_files import tracks_in
from tonearm.transforms.storage.schemes import normal_location
from tonearm.transforms.tables.ledger import Ledger
from tonearm.transforms.tables.schemas import Row
from tonearm.transforms.tables.stored_rows import table_rows

_Latest = dict[tuple[str, str], Row]
"""The last failure of each track, by its id and URI."""


@dataclass(frozen=True, slots=True)
class RetryInput:
    """What to try again.

    Attributes:
        output: Where the tables lie.
        everything: True to try also what failed in a way that the same bytes will fail again.
    """

    output: str
    everything: bool = False


def failed_tracks(order: RetryInput, tagger: str) -> Iterator[Arrival]:
    """Announce each failed track once, to be looked up as its object is now.

    What was tagged since is for the ledger to leave out. What a manifest got wrong is
    not for us to try again, nor is a message that names no object.

    Args:
        order: Which failures.
        tagger: Only failures of this ``name@version``.
    """
    latest: dict[str, Row] = {}
    # All columns are read, as tables of an earlier release lack the one of spectrograms.
    for row in table_rows(order.output, "failures", tagger=tagger):
        key = row["track_id"]
        if _names_an_object(row) and (key not in latest or latest[key]["occurred_at"] <= row["occurred_at"]):
            latest[key] = row
    for row in table_rows(order.output, "track_tags", ["track_id", "uri", "analyzed_at"], tagger=tagger):
        failed = latest.get(row["track_id"])
        if failed and failed["uri"] != row["uri"] and failed["occurred_at"] < row["analyzed_at"]:
            del latest[row["track_id"]]  # the catalog names another file since
    ids_by_file: defaultdict[str, set[str]] = defaultdict(set)
    for track_id, row in latest.items():
        if not (row["retriable"] or order.everything):
            continue
        if file := row.get("spectrogram"):
            ids_by_file[file].add(track_id)
        else:
            yield Track(track_id, normal_location(row["uri"]), named=True)
    for file, track_ids in ids_by_file.items():
        yield from _tracks_of_file(normal_location(file), track_ids)


def _tracks_of_file(uri: str, track_ids: set[str]) -> Iterator[Arrival]:
    """The failed tracks of a file of spectrograms; all of them if it failed as a whole."""
    arrivals = tracks_in(Track(track_id_of(uri), uri, named=True))
    are_known = track_ids <= {track_of(arrival).track_id for arrival in arrivals}
    yield from (arrival for arrival in arrivals if not are_known or track_of(arrival).track_id in track_ids)


def _names_an_object(row: Row) -> bool:
    if row["stage"] != Stage.SOURCE:
        return True
    return row["error"] == ErrorWord.MALFORMED_MESSAGE and bool(row["uri"])


def retry_ledger(order: RetryInput, tagger: str) -> Ledger:
    """What the tables hold; with ``everything``, failures that the same bytes will repeat are tried too."""
    ledger = Ledger.read(order.output, tagger)
    if order.everything:
        ledger.forget_failures()
    return ledger
