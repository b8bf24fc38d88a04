#!/usr/bin/env python3
"""Beam's Python worker as a process that a task manager starts (environment type PROCESS).

What Beam's own start, which is a program in Go, does too: it asks the task manager for options and addresses,
and runs the worker. But it fetches nothing: the job's code must be installed in the Python that runs this.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping

import grpc
from apache_beam.portability.api import beam_provision_api_pb2, beam_provision_api_pb2_grpc
from apache_beam.runners.worker import sdk_worker_main
from google.protobuf import json_format, text_format


def main() -> None:
    """Run a worker until the task manager lets it go."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--id", required=True, help="the worker's name")
    parser.add_argument("--provision_endpoint", required=True, help="where the task manager says all else")
    call, _ = parser.parse_known_args()
    os.environ |= _environment(call.id, _provisions(call.id, call.provision_endpoint))
    sdk_worker_main.main([])


def _provisions(worker: str, endpoint: str) -> beam_provision_api_pb2.ProvisionInfo:
    with grpc.insecure_channel(endpoint) as channel:
        service = beam_provision_api_pb2_grpc.ProvisionServiceStub(channel)
        request = beam_provision_api_pb2.GetProvisionInfoRequest()
        return service.GetProvisionInfo(request, metadata=[("worker_id", worker)]).info


def _environment(worker: str, told: beam_provision_api_pb2.ProvisionInfo) -> Mapping[str, str]:
    """The variables that Beam's worker reads."""
    services = {
        "LOGGING_API_SERVICE_DESCRIPTOR": told.logging_endpoint,
        "CONTROL_API_SERVICE_DESCRIPTOR": told.control_endpoint,
        "STATUS_API_SERVICE_DESCRIPTOR": told.status_endpoint,
    }
    return {
        "WORKER_ID": worker,
        "PIPELINE_OPTIONS": json_format.MessageToJson(told.pipeline_options),
        "RUNNER_CAPABILITIES": " ".join(told.runner_capabilities),
        **{name: text_format.MessageToString(at) for name, at in services.items() if at.url},
    }


if __name__ == "__main__":
    main()
