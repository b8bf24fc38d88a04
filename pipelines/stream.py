"""Streams: what to listen to, and the source that a local run takes waves from."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass

from pipelines.listing_arrivals import SweptArrivals, WatchArrivals
from pipelines.shares import WavePlan
from pipelines.stream_source import Arrivals, StreamSource
from transforms.ledger import Ledger
from transforms.notification import NotificationFilter
from transforms.pending import SkipReason


@dataclass(frozen=True, slots=True)
class StreamRequest:
    """What a stream listens to; exactly one of ``subscription`` and ``watch`` is set.

    Attributes:
        subscription: Pub/Sub subscription to a bucket's notifications.
        watch: Folder, prefix or glob to list again and again.
        poll_seconds: Time from one listing to the next.
        catch_up: Folder, prefix or glob that is swept once before messages are taken.
        wanted: Which notifications to take.
        max_wave_seconds: A wave closes this long after its first track was announced, at the latest.
    """

    subscription: str = ""
    watch: str = ""
    poll_seconds: float = 30.0
    catch_up: str = ""
    wanted: NotificationFilter = NotificationFilter()  # noqa: RUF009 - frozen
    max_wave_seconds: float = 10.0


@contextmanager
def opened_stream(
    request: StreamRequest, ledger: Ledger, on_skip: Callable[[SkipReason], None], plan: WavePlan
) -> Iterator[StreamSource]:
    """Listen until the block ends; what is not acknowledged by then is delivered again."""
    with closing(_arrivals(request)) as arrivals:
        yield StreamSource(arrivals, ledger, on_skip, request.max_wave_seconds, plan)


def _arrivals(request: StreamRequest) -> Arrivals:
    if request.watch:
        return WatchArrivals(request.watch, request.poll_seconds)
    from pipelines.pubsub_arrivals import PubSubArrivals

    messages = PubSubArrivals(request.subscription, request.wanted)
    return SweptArrivals(request.catch_up, messages) if request.catch_up else messages
