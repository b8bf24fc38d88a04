"""A portable runner whose job server is not there."""

from __future__ import annotations

import socket

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from tonearm.errors import WrongCallError
from tonearm.pipelines.cluster.job_server import require_job_server


def test_a_job_server_that_is_not_there_is_not_waited_for_without_an_end() -> None:
    with socket.socket() as taken:  # nobody listens
        taken.bind(("127.0.0.1", 0))
        endpoint = f"127.0.0.1:{taken.getsockname()[1]}"
        options = PipelineOptions(["--runner=PortableRunner", "--job_endpoint", endpoint])
        with pytest.raises(WrongCallError, match=f"no job server answers at --job_endpoint {endpoint}"):
            require_job_server(options, patience_s=0.2)
