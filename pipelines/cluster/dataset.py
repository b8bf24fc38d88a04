"""The shards of a data set on a cluster such as Flink or Dataflow: submitted and waited for."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import apache_beam as beam
from apache_beam.options.pipeline_options import GoogleCloudOptions, PipelineOptions, TestOptions

from tonearm.errors import WrongCallError
from tonearm.pipelines.cluster.disks import require_seen
from tonearm.pipelines.cluster.job import JobEnd, JobFailedError, submit, wait_for
from tonearm.pipelines.cluster.job_server import require_job_server
from tonearm.pipelines.cluster.temporary_folder import own_temporary_folder
from tonearm.pipelines.graphs.dataset import BuildShards, ShardWork


def require_seen_and_run(flags: Sequence[str], places: Iterable[str]) -> None:
    """Refuse what a cluster cannot do, before anything is written.

    Args:
        flags: Beam's options.
        places: Where the data set and the audio are.

    Raises:
        WrongCallError: The graph would only be translated, the cluster does not see a place, or is not there.
    """
    options = PipelineOptions(list(flags))
    if options.view_as(GoogleCloudOptions).template_location or options.view_as(TestOptions).dry_run:
        raise WrongCallError("a data set is built by a run, as its end is checked here: there is no template")
    require_seen(places, options)
    require_job_server(options)


def build_on_cluster(work: ShardWork, shards: int, flags: Sequence[str]) -> None:
    """Write the shards, and wait until they are written.

    Args:
        work: What is to be written; at places that the cluster's machines see.
        shards: How many shards there are.
        flags: Beam's options.

    Raises:
        WrongCallError: The cluster lacks an option.
        JobFailedError: The cluster gave up. Shards that were written stay.
        JobLeftError: The command was told to stop, and the cluster goes on.
        JobOutOfSightError: The cluster cannot be asked any more.
    """
    with own_temporary_folder():
        try:
            pipeline = beam.Pipeline(options=PipelineOptions(list(flags)))
        except ValueError as error:
            raise WrongCallError(f"Beam says: {error}") from error
        pipeline | "Shards" >> beam.Create(list(range(shards))) | "Build" >> BuildShards(work)
        if wait_for(submit(pipeline), pipeline.options) is JobEnd.STOPPED:
            raise JobFailedError("the job was stopped with this command")
