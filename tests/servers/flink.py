"""A Flink cluster; its jars are fetched by Maven, once a user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager

import pytest

from deploy.flink.cluster import SETTINGS, FlinkCluster, flink_cluster
from deploy.flink.jars import MissingError
from tests.deploy.manifests import FOLDER, flink_cluster_of


@pytest.fixture
def flink() -> Iterator[FlinkCluster]:
    """The cluster, with two task managers; skips where Java or Maven is missing.

    A failing test's report ends with its logs. Its workers see the variables of this process as they are
    now: name it after the servers that they need.
    """
    with _reported(flink_cluster()) as cluster:
        yield cluster


@pytest.fixture
def elastic_flink() -> Iterator[FlinkCluster]:
    """Like ``flink``, with one task manager; it schedules and restarts jobs as deploy/kubernetes says."""
    configuration = flink_cluster_of(FOLDER / "flink" / "stream")["spec"]["flinkConfiguration"]
    jobs = {
        name: value
        for name, value in configuration.items()
        if name.startswith(("jobmanager.scheduler", "restart-strategy."))
    }
    with _reported(flink_cluster(1, {**SETTINGS, **jobs})) as cluster:
        yield cluster


@contextmanager
def _reported(starting: AbstractContextManager[FlinkCluster]) -> Iterator[FlinkCluster]:
    with ExitStack() as stack:
        try:
            cluster = stack.enter_context(starting)
        except MissingError as missing:
            pytest.skip(str(missing))
        yield cluster
        for name in ("job-server", "job-manager", *cluster.task_managers):
            print(f"--- {name}\n{cluster.log(name)[-4000:]}")
