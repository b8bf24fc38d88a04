"""A portable runner whose job server is not there."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from tonearm.errors import WrongCallError
from tonearm.pipelines.cluster.job_server import require_job_server


def test_a_job_server_that_is_not_there_is_not_waited_for_without_an_end(
    caplog: pytest.LogCaptureFixture,
) -> None:
    with socket.socket() as taken:  # nobody listens
        taken.bind(("127.0.0.1", 0))
        endpoint = f"127.0.0.1:{taken.getsockname()[1]}"
        options = PipelineOptions(["--runner=PortableRunner", "--job_endpoint", endpoint])
        with pytest.raises(WrongCallError, match=f"no job server answers at --job_endpoint {endpoint}"):
            require_job_server(options, patience_s=0.2)
    assert f"no job server answers at {endpoint} yet" in caplog.text


def test_a_job_server_that_starts_a_moment_later_is_waited_for(caplog: pytest.LogCaptureFixture) -> None:
    """As in a pod that starts together with it."""
    server = grpc.server(ThreadPoolExecutor(1))
    endpoint = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    options = PipelineOptions(["--runner=PortableRunner", "--job_endpoint", endpoint])
    begin = threading.Timer(1.0, server.start)
    begin.start()
    require_job_server(options, patience_s=60.0)
    begin.join()
    server.stop(None)
    assert not caplog.text
