"""Whether the job server of a portable runner answers at all: Beam would wait for it without an end."""

from __future__ import annotations

import logging
from contextlib import suppress

import grpc
from apache_beam.options.pipeline_options import PipelineOptions, PortableOptions, StandardOptions

from tonearm.errors import WrongCallError

_PATIENCE_S = 600.0
"""For a server that is started together with the command, and whose image is still being fetched."""

_SILENT_S = 10.0
"""After so long it is told that the command waits."""

_IN_THIS_PROCESS = "embed"
"""The endpoint that stands for a server that Beam starts by itself."""

_logger = logging.getLogger(__name__)


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
        is_ready = grpc.channel_ready_future(channel)
        try:
            silent_s = min(_SILENT_S, patience_s / 2)
            with suppress(grpc.FutureTimeoutError):
                is_ready.result(timeout=silent_s)
                return
            _logger.warning(
                "no job server answers at %s yet; waiting for %.0f s at most", endpoint, patience_s
            )
            is_ready.result(timeout=patience_s - silent_s)
        except grpc.FutureTimeoutError as error:
            raise WrongCallError(
                f"no job server answers at --job_endpoint {endpoint}, after {patience_s:.0f} s; "
                "start it, or name where it is as HOST:PORT"
            ) from error
