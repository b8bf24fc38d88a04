"""Places that the machines of a cluster cannot see."""

from __future__ import annotations

from collections.abc import Iterable

from apache_beam.options.pipeline_options import PipelineOptions, StandardOptions, TestOptions

from tonearm.errors import WrongCallError
from tonearm.transforms.storage.schemes import is_local, normal_location


def require_seen(locations: Iterable[str], options: PipelineOptions) -> None:
    """Refuse places on this machine's disk for a run on Dataflow, whose machines see nothing of it.

    Other clusters may share a disk with this machine: there a folder that a worker misses fails the job.

    Raises:
        WrongCallError: With the first such place.
    """
    runner = str(options.view_as(StandardOptions).runner)
    if not runner.endswith("DataflowRunner") or options.view_as(TestOptions).dry_run:
        return
    for location in locations:
        if is_local(normal_location(location)):
            raise WrongCallError(
                f"{location}: Dataflow's workers see no disk of this machine; copy it to a bucket "
                "(`gcloud storage cp --recursive`), and name it gs://BUCKET/…"
            )
