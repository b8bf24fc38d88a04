"""What Flink has to be told that other engines need not, and how it is known that a job will run there."""

from __future__ import annotations

from collections.abc import Sequence

import grpc
from apache_beam.options.pipeline_options import PipelineOptions, PortableOptions, StandardOptions
from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc

_PATIENCE_S = 10.0
"""For an answer of the job server; if it is not there, the submission tells so."""

_FINISH_BUNDLES = "--finish_bundle_before_checkpointing"


def with_stream_options(flags: Sequence[str]) -> list[str]:
    """Options of a stream, with what it needs on Flink.

    By default a bundle that a checkpoint ends keeps what it yields until the next element comes: the rows of
    the last upload would be written when somebody uploads again.
    """
    is_asked = any(flag.startswith(_FINISH_BUNDLES) for flag in flags)
    if is_asked or not is_flink(PipelineOptions(list(flags))):
        return list(flags)
    return [*flags, _FINISH_BUNDLES]


def is_flink(options: PipelineOptions) -> bool:
    """Whether it is Flink that the runner or, of a portable one, the job server stands for."""
    runner = str(options.view_as(StandardOptions).runner)
    endpoint = options.view_as(PortableOptions).job_endpoint
    if not runner.endswith("PortableRunner") or not endpoint:
        return runner.endswith("FlinkRunner")
    with grpc.insecure_channel(endpoint) as channel:
        server = beam_job_api_pb2_grpc.JobServiceStub(channel)
        request = beam_job_api_pb2.DescribePipelineOptionsRequest()
        try:
            told = server.DescribePipelineOptions(request, timeout=_PATIENCE_S, wait_for_ready=True)
        except grpc.RpcError:
            return False
    return any(option.name == "flink_master" for option in told.options)
