"""Whether the job server of a portable runner answers at all: Beam would wait for it without an end."""

from __future__ import annotations

import grpc
from apache_beam.options.pipeline_options import PipelineOptions, PortableOptions, StandardOptions

from tonearm.errors import WrongCallError

_PATIENCE_S = 30.0
"""For a server that is just starting."""

_IN_THIS_PROCESS = "embed"
"""The endpoint that stands for a server that Beam starts by itself."""


def require_job_server(options: PipelineOptions, patience_s: float = _PATIENCE_S) -> None:
    """Refuse a portable runner whose job server is not there, before anything is written.

    Raises:
        WrongCallError: Nothing answers at its endpoint.
    """
    endpoint = options.view_as(PortableOptions).job_endpoint
    is_portable = str(options.view_as(StandardOptions).runner).endswith("PortableRunner")
    if not is_portable or not endpoint or endpoint == _IN_THIS_PROCESS:
        return
    with grpc.insecure_channel(endpoint) as channel:
        try:
            grpc.channel_ready_future(channel).result(timeout=patience_s)
        except grpc.FutureTimeoutError as error:
            raise WrongCallError(
                f"no job server answers at --job_endpoint {endpoint}, after {patience_s:.0f} s; "
                "start it, or name where it is as HOST:PORT"
            ) from error
