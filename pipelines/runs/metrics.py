"""Reading Beam's metrics: the counts of tracks, and the seconds of each stage."""

from __future__ import annotations

from collections import Counter, defaultdict

from apache_beam.metrics.metric import MetricResults, MetricsFilter

from tonearm.transforms.elements.stage_times import NAMESPACE, TIMED_STAGES


def counters(metrics: MetricResults) -> Counter[str]:
    """Totals of our counters, by name; committed values, as attempted ones count retries twice."""
    totals: Counter[str] = Counter()
    for metric in metrics.query(MetricsFilter().with_namespace(NAMESPACE))["counters"]:
        totals[metric.key.metric.name] += metric.committed or 0
    return totals


def stage_seconds(metrics: MetricResults) -> dict[str, float]:
    """Seconds spent by stage, over all workers."""
    totals: defaultdict[str, float] = defaultdict(float)
    for metric in metrics.query(MetricsFilter().with_namespace(NAMESPACE))["distributions"]:
        stage = metric.key.metric.name.removesuffix("_us")
        if stage in TIMED_STAGES and metric.committed:
            totals[stage] += metric.committed.sum / 1e6
    return totals
