"""Refuses a bundle that was changed without a new version: tracks of the old one would count as tagged."""

from __future__ import annotations

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
    # All columns are read, as tables of an earlier release lack the hash.
    runs = [
        run
        for run in table_rows(output, "runs")
        if _may_have_tagged(run) and tagger.identity in _bundles_of(run)
    ]
    runs.sort(key=lambda run: run["started"])
    last_whole = max((place for place, run in enumerate(runs) if run["ended"]), default=0)
    for run in runs[last_whole:]:
        before = _bundles_of(run)[tagger.identity]
        if before and before != tagger.bundle_hash:
            raise ChangedBundleError(
                f"{output} holds tracks that run {run['run_id']} tagged with another {tagger.identity}: its "
                f"bundle.json had the SHA-256 {before[:12]}…, now it has {tagger.bundle_hash[:12]}…. Those "
                "tracks would be taken for done. Give the changed bundle a new version, or work them again "
                "with `tonearm ingest --retag`"
            )


def _bundles_of(run: Row) -> dict[str, str | None]:
    """SHA-256 by ``name@version`` of the bundles that a run wrote rows of into ``track_tags``."""
    settings = dict(run["settings"])
    canary = {settings["canary"]: settings["canary_bundle_sha256"]} if "canary" in settings else {}
    return {**canary, run["tagger"]: run.get("bundle_sha256")}


def _may_have_tagged(run: Row) -> bool:
    """A run that has not ended may have tagged more than its row says."""
    return not run["ended"] or run["n_tagged"] > 0
