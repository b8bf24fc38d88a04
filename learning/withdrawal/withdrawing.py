"""Withdraws tracks: finds what holds them, sets their consent to false, and takes them out of data sets."""

from __future__ import annotations

import re
import uuid
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from tonearm.errors import WrongCallError
from tonearm.learning.building.folder import BuildFolder
from tonearm.learning.building.planning import rows_digest
from tonearm.learning.building.tallies import BUILDING
from tonearm.learning.datasets.description import DESCRIPTION
from tonearm.learning.labelled.reading import read_labelled
from tonearm.learning.labelled.track import BadRow, LabelledTrack
from tonearm.learning.withdrawal.bundles import BUNDLE_JSON, FoundBundle, read_bundle
from tonearm.learning.withdrawal.datasets import FoundDataset, read_dataset, remove_tracks
from tonearm.learning.withdrawal.manifest import withdraw_consent
from tonearm.transforms.storage.objects import files_below
from tonearm.transforms.storage.schemes import normal_location
from tonearm.transforms.tables.holding.hold import held
from tonearm.transforms.tables.holding.holder import Holder

_CHECKPOINT = re.compile(r"(?P<folder>.*\.training)/checkpoint-[^/]*\.pt")


@dataclass(frozen=True, slots=True)
class Holdings:
    """What holds tracks that are to be withdrawn.

    Attributes:
        manifest: The labelled manifest.
        track_ids: The tracks.
        rows: The manifest's rows, as they are before.
        datasets: Data sets that hold any of them.
        bundles: Bundles that learned from a data set when it held any of them.
        untold: Bundles of which it cannot be told, as their data set was not found.
        trainings: Folders of trainings that were not finished, of which it cannot be told either.
        same_audio: Other tracks of these data sets with the same bytes of audio.
    """

    manifest: str
    track_ids: Sequence[str]
    rows: Sequence[LabelledTrack | BadRow]
    datasets: Sequence[FoundDataset]
    bundles: Sequence[FoundBundle]
    untold: Sequence[FoundBundle]
    trainings: Sequence[str]
    same_audio: Sequence[str]

    @property
    def not_in_manifest(self) -> list[str]:
        """The tracks that no row of the manifest is of."""
        named = {row.track_id for row in self.rows}
        return [track_id for track_id in self.track_ids if track_id not in named]

    @property
    def not_in_datasets(self) -> list[str]:
        """The tracks that none of the data sets holds."""
        found = {
            track.track_id for each in self.datasets for tracks in each.tracks.values() for track in tracks
        }
        return [track_id for track_id in self.track_ids if track_id not in found]


@dataclass(frozen=True, slots=True)
class Rewritten:
    """A data set that holds the tracks no longer.

    Attributes:
        location: Its folder or URL.
        digest: What it is called now; empty if it was never finished.
        replaces: What it was called; empty if it was never finished.
    """

    location: str
    digest: str
    replaces: str


def find_holdings(manifest: str, track_ids: Sequence[str], folders: Sequence[str]) -> Holdings:
    """Find what holds tracks; nothing is changed.

    Args:
        manifest: The labelled manifest.
        track_ids: The tracks.
        folders: Folders and URLs to look below for data sets and bundles.

    Raises:
        ManifestError: The manifest cannot be read.
        WrongCallError: A folder holds nothing, or nothing anywhere holds one of the tracks.
        DatasetError: A data set is damaged.
        StorageError: Something cannot be read.
    """
    rows = list(read_labelled(manifest))
    files = sorted({file for folder in folders for file in _files(folder)})
    every = [read_dataset(folder) for folder in _dataset_folders(files)]
    holding = [dataset for dataset in every if dataset.shards_with(track_ids)]
    bundles = [
        found for file in files if file.endswith(f"/{BUNDLE_JSON}") if (found := read_bundle(_folder(file)))
    ]
    affected = {digest for dataset in every for digest in dataset.digests_with(track_ids)}
    told = {digest for dataset in every for digest in dataset.digests}
    holdings = Holdings(
        manifest=manifest,
        track_ids=track_ids,
        rows=rows,
        datasets=holding,
        bundles=[bundle for bundle in bundles if bundle.dataset in affected],
        untold=[bundle for bundle in bundles if bundle.dataset not in told],
        trainings=sorted({match["folder"] for file in files if (match := _CHECKPOINT.fullmatch(file))}),
        same_audio=_same_audio(holding, track_ids),
    )
    _require_known(holdings)
    return holdings


def withdraw(holdings: Holdings) -> list[Rewritten]:
    """Set the tracks' consent to false, then write the data sets without them.

    The manifest comes first: whatever happens afterwards, the tracks are not read again. The same call goes
    on where a killed one ended.

    Raises:
        WrongCallError: A file of the manifest cannot be written.
        OutputInUseError: A data set is just being built.
        StorageError: Something cannot be written.
    """
    of_tracks = {row.location for row in holdings.rows if row.track_id in holdings.track_ids}
    for location in sorted(of_tracks):
        withdraw_consent(location, holdings.track_ids)
    digests = {rows_digest(holdings.rows): rows_digest(list(read_labelled(holdings.manifest)))}
    return [_rewritten(dataset, holdings.track_ids, digests) for dataset in holdings.datasets]


def _rewritten(dataset: FoundDataset, track_ids: Collection[str], digests: dict[str, str]) -> Rewritten:
    if dataset.description is None:
        run_id = f"withdraw-{uuid.uuid4().hex[:8]}"
        with held(BuildFolder(dataset.location), Holder.here(run_id, "batch")):
            remove_tracks(dataset, track_ids, digests)
        return Rewritten(dataset.location, "", "")
    described = remove_tracks(dataset, track_ids, digests)
    digest = described["digest"] if described else ""
    return Rewritten(dataset.location, digest, dataset.description["digest"])


def _files(folder: str) -> list[str]:
    location = normal_location(folder).rstrip("/") or "/"
    found = files_below(location)
    if not found:
        raise WrongCallError(f"{folder}: holds nothing, or there is no such folder")
    return found


def _dataset_folders(files: Sequence[str]) -> list[str]:
    described = {_folder(file) for file in files if file.endswith(f"/{DESCRIPTION}")}
    unfinished = {file.partition(f"/{BUILDING}/")[0] for file in files if f"/{BUILDING}/" in file}
    return sorted(described | unfinished)


def _folder(file: str) -> str:
    return file.rpartition("/")[0]


def _same_audio(datasets: Sequence[FoundDataset], track_ids: Collection[str]) -> list[str]:
    tracks = [track for dataset in datasets for shard in dataset.tracks.values() for track in shard]
    contents = {track.content_sha256 for track in tracks if track.track_id in track_ids}
    same = {track.track_id for track in tracks if track.content_sha256 in contents}
    return sorted(same - set(track_ids))


def _require_known(holdings: Holdings) -> None:
    unknown = [track_id for track_id in holdings.not_in_manifest if track_id in holdings.not_in_datasets]
    if unknown:
        raise WrongCallError(
            f"{', '.join(unknown)}: no row of {holdings.manifest} is of such a track, and no data set "
            "that was found holds one. Nothing was changed"
        )
