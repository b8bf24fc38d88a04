"""The shards of a data set on this machine: workers take one after the other, each in a pipeline of its own.

The workers are threads: the decoders, torch and Parquet release the interpreter's lock. What a kill costs is
the shards that are being written.
"""

from __future__ import annotations

import itertools
import threading
from collections.abc import Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

from tonearm.pipelines.graphs.dataset import BuildShards, ShardWork
from tonearm.pipelines.local.temporary_folders import without_temporary_folders
from tonearm.transforms.audio.isolation.isolated_reader import start_decoders


class ShardBuilder:
    """Builds the shards of a data set.

    Args:
        work: What is to be written.
        shards: How many shards there are.
        workers: How many of them are written at a time.
        flags: Further Beam options, as on the command line.
    """

    def __init__(self, work: ShardWork, shards: int, workers: int, flags: Sequence[str] = ()) -> None:
        self._work_of = work
        self._shards = shards
        self._workers = min(workers, shards)
        self._flags = list(flags)
        self._numbers = itertools.count()
        self._stopping = threading.Event()

    def run(self) -> None:
        """Write all shards, or those that were begun before :meth:`stop` was called.

        Raises:
            Exception: The first error that stopped a worker; shards that were written before stay.
        """
        start_decoders(self._workers, self._work_of.rules.decoder)
        with (
            without_temporary_folders(),
            ThreadPoolExecutor(self._workers, thread_name_prefix="worker") as pool,
        ):
            try:
                workers = [pool.submit(self._work) for _ in range(self._workers)]
                wait(workers, return_when=FIRST_EXCEPTION)
            finally:
                self.stop()
        for worker in workers:
            worker.result()

    def stop(self) -> None:
        """Begin no further shard."""
        self._stopping.set()

    def _work(self) -> None:
        # a step of the counter cannot be interrupted by another thread
        while not self._stopping.is_set() and (number := next(self._numbers)) < self._shards:
            pipeline = beam.Pipeline(runner=FnApiRunner(), options=PipelineOptions(self._flags))
            pipeline | "Shard" >> beam.Create([number]) | "Build" >> BuildShards(self._work_of)
            pipeline.run().wait_until_finish()
