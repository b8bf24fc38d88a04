"""What tells a stream on a cluster to list its prefix again and again, by the means of the engine."""

from __future__ import annotations

import apache_beam as beam
from apache_beam.io.flink.flink_streaming_impulse_source import FlinkStreamingImpulseSource
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.periodicsequence import PeriodicImpulse

from tonearm.pipelines.cluster.flink import is_flink


def signals_every(seconds: float, options: PipelineOptions) -> beam.PTransform:
    """A root transform that yields something again and again.

    Flink gets a source of its own: Beam's restarts itself at every signal, and on Flink each time leaves some
    kilobytes in every later checkpoint (https://github.com/apache/beam/issues/27648).
    """
    if is_flink(options):
        return FlinkStreamingImpulseSource().set_interval_ms(int(1000 * seconds))
    return PeriodicImpulse(fire_interval=seconds)
