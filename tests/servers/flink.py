"""A Flink cluster with two task managers; its jars are fetched by Maven, once a user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from deploy.flink.cluster import FlinkCluster, flink_cluster
from deploy.flink.jars import MissingError


@pytest.fixture
def flink() -> Iterator[FlinkCluster]:
    """The cluster; skips where Java or Maven is missing. A failing test's report ends with its logs.

    Its workers see the variables of this process as they are now: name it after the servers that they need.
    """
    with ExitStack() as stack:
        try:
            cluster = stack.enter_context(flink_cluster())
        except MissingError as missing:
            pytest.skip(str(missing))
        yield cluster
        for name in ("job-server", "job-manager", *cluster.task_managers):
            print(f"--- {name}\n{cluster.log(name)[-4000:]}")
