"""Refuses a bundle that was changed without a new version: rows of the old one would count as its own."""

from __future__ import annotations

from collections.abc import Sequence

from tonearm.errors import WrongCallError
from tonearm.models.bundles.tagger import Tagger
from tonearm.transforms.tables.schemas import Row
from tonearm.transforms.tables.stored_rows import table_rows


class ChangedBundleError(WrongCallError):
    """The tables hold rows of another bundle by the same name and version."""


def require_same_bundle(output: str, tagger: Tagger) -> None:
    """Check that what the tables hold of this ``name@version`` was tagged by this very bundle.

    The last run that ended whole says which bundle the tables are of, as with ``--retag`` it has replaced
    what was there. Runs that were killed after it may have left rows of another bundle. Runs of which the
    bundle was a canary count too.

    Args:
        output: The output whose tables tell what is done.
        tagger: The bundle that is to be used now.

    Raises:
        ChangedBundleError: If another bundle left rows there.
        OutputError: The output cannot be read.
    """
    if run_and_hash := _other_bundle(output, tagger, ["canary"]):
        raise ChangedBundleError(
            f"{_told(output, tagger, *run_and_hash)} Those tracks would be taken for done. Give the changed "
            "bundle a new version, or work them again with `tonearm ingest --retag`"
        )


def require_same_shadow(output: str, shadow: Tagger) -> None:
    """Check that what the tables hold of a shadow's ``name@version`` is of this very bundle.

    Comparisons tell taggers apart by their name and version, in ``shadow_tags`` as in ``track_tags``.

    Args:
        output: The output whose tables tell what is done.
        shadow: The bundle that is to be a shadow now.

    Raises:
        ChangedBundleError: If another bundle left rows there.
        OutputError: The output cannot be read.
    """
    if run_and_hash := _other_bundle(output, shadow, ["canary", "shadow"]):
        raise ChangedBundleError(
            f"{_told(output, shadow, *run_and_hash)} `tonearm compare` would take both for one. Give the "
            "changed bundle a new version, or work all tracks again with `tonearm ingest --retag`"
        )


def _other_bundle(output: str, tagger: Tagger, further: Sequence[str]) -> tuple[str, str] | None:
    """The run that left rows of another bundle by this ``name@version``, and the SHA-256 of that bundle."""
    # All columns are read, as tables of an earlier release lack the hash.
    runs = [
        run
        for run in table_rows(output, "runs")
        if _may_have_tagged(run) and tagger.identity in _bundles_of(run, further)
    ]
    runs.sort(key=lambda run: run["started"])
    last_whole = max((place for place, run in enumerate(runs) if run["ended"]), default=0)
    for run in runs[last_whole:]:
        before = _bundles_of(run, further)[tagger.identity]
        if before and before != tagger.bundle_hash:
            return run["run_id"], before
    return None


def _told(output: str, tagger: Tagger, run_id: str, before: str) -> str:
    return (
        f"{output} holds tracks that run {run_id} tagged with another {tagger.identity}: its bundle.json "
        f"had the SHA-256 {before[:12]}…, now it has {tagger.bundle_hash[:12]}…."
    )


def _bundles_of(run: Row, further: Sequence[str]) -> dict[str, str | None]:
    """SHA-256 by ``name@version`` of a run's tagger, and of those of its further taggers that count."""
    settings = dict(run["settings"])
    beside = {settings[each]: settings[f"{each}_bundle_sha256"] for each in further if each in settings}
    return {**beside, run["tagger"]: run.get("bundle_sha256")}


def _may_have_tagged(run: Row) -> bool:
    """A run that has not ended may have tagged more than its row says."""
    return not run["ended"] or run["n_tagged"] > 0
