"""A Pub/Sub emulator on google-cloud-pubsub's own messages, over gRPC, in threads of the test process.

The real client libraries talk to it through ``PUBSUB_EMULATOR_HOST``; a test looks at its queues directly:

    with pubsub.serve() as server:
        queue = server.create("uploads", ack_deadline_s=10)
        server.publish("uploads", b"{}", eventType="OBJECT_FINALIZE")
        ...
        assert queue.unacked == 0
"""

from __future__ import annotations

import itertools
import random
import threading
from collections.abc import Callable, Iterator
from concurrent import futures
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NoReturn

import grpc  # type: ignore[import-untyped]
from google.protobuf.empty_pb2 import Empty
from google.pubsub_v1 import types

from tests.servers.credentials import PROJECT
from tests.servers.processes import LOOPBACK
from tests.servers.pubsub_queue import Subscription

_THREADS = 64  # each streaming pull holds one
_BATCH = 100
_POLL_S = 0.2


@dataclass(slots=True)
class PubSubServer:
    """Topics and subscriptions, and what a test may do to them.

    Attributes:
        copies: Deliver each message published from now on so many times, with one id.
        shuffle: If set, subscriptions made from now on deliver in random order.
        topics: Topics by their full names.
        subscriptions: Queues by their subscriptions' full names.
        published: All messages that every subscription has by now.
        port: Loopback port of the emulator.
        answers_wait_for: If set, acknowledgements and extensions are not heard before this event.
        refusal: If set, pulls are refused with this status and text.
    """

    copies: int = 1
    shuffle: random.Random | None = None
    topics: dict[str, types.Topic] = field(default_factory=dict)
    subscriptions: dict[str, Subscription] = field(default_factory=dict)
    published: list[types.PubsubMessage] = field(default_factory=list)
    port: int = 0
    answers_wait_for: threading.Event | None = None
    refusal: tuple[grpc.StatusCode, str] | None = None
    _ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def host(self) -> str:
        """The emulator's address, ``host:port``."""
        return f"{LOOPBACK}:{self.port}"

    @property
    def environ(self) -> dict[str, str]:
        """Variables that point google-cloud-pubsub and Beam at this emulator."""
        return {"PUBSUB_EMULATOR_HOST": self.host, "PUBSUB_PROJECT_ID": PROJECT}

    def create(self, name: str, *, project: str = PROJECT, ack_deadline_s: int = 10) -> Subscription:
        """Create a topic and a subscription of one name and return the subscription's queue."""
        topic, subscription = topic_path(name, project), subscription_path(name, project)
        self.topics[topic] = types.Topic(name=topic)
        proto = types.Subscription(name=subscription, topic=topic, ack_deadline_seconds=ack_deadline_s)
        return self.subscribe(proto)

    def subscribe(self, proto: types.Subscription) -> Subscription:
        """Add a subscription."""
        queue = Subscription(proto, shuffle=self.shuffle)
        with self._lock:
            self.subscriptions[proto.name] = queue
        return queue

    def publish(self, name: str, data: bytes, *, project: str = PROJECT, **attributes: str) -> str:
        """Publish one message and return its id."""
        return self.put(topic_path(name, project), types.PubsubMessage(data=data, attributes=attributes))

    def put(self, topic: str, message: types.PubsubMessage) -> str:
        """Give a message its id and time, and hand it to the topic's subscriptions."""
        with self._lock:
            stamped = types.PubsubMessage(
                message, message_id=str(next(self._ids)), publish_time=datetime.now(UTC)
            )
            queues = [queue for queue in self.subscriptions.values() if queue.proto.topic == topic]
        for queue in queues:
            queue.put(stamped, copies=self.copies)
        self.published.append(stamped)
        return str(stamped.message_id)


def topic_path(name: str, project: str = PROJECT) -> str:
    """Return a topic's full name."""
    return f"projects/{project}/topics/{name}"


def subscription_path(name: str, project: str = PROJECT) -> str:
    """Return a subscription's full name."""
    return f"projects/{project}/subscriptions/{name}"


@contextmanager
def serve(*, copies: int = 1, shuffle: random.Random | None = None, port: int = 0) -> Iterator[PubSubServer]:
    """Run an emulator.

    Args:
        copies: How often to deliver each message.
        shuffle: Source of disorder, for delivery in random order.
        port: Loopback port to listen on; 0 for a free one.
    """
    state = PubSubServer(copies=copies, shuffle=shuffle)
    server = grpc.server(futures.ThreadPoolExecutor(_THREADS, thread_name_prefix="pubsub"))
    server.add_generic_rpc_handlers(
        (
            grpc.method_handlers_generic_handler("google.pubsub.v1.Publisher", _publisher(state)),
            grpc.method_handlers_generic_handler("google.pubsub.v1.Subscriber", _subscriber(state)),
        )
    )
    state.port = server.add_insecure_port(f"{LOOPBACK}:{port}")
    server.start()
    try:
        yield state
    finally:
        server.stop(grace=None).wait()


def _publisher(state: PubSubServer) -> dict[str, grpc.RpcMethodHandler]:
    calls = _PublisherCalls(state)
    return {
        "CreateTopic": _unary(calls.create_topic, types.Topic),
        "GetTopic": _unary(calls.get_topic, types.GetTopicRequest),
        "ListTopics": _unary(calls.list_topics, types.ListTopicsRequest),
        "DeleteTopic": _unary(calls.delete_topic, types.DeleteTopicRequest),
        "Publish": _unary(calls.publish, types.PublishRequest),
    }


def _subscriber(state: PubSubServer) -> dict[str, grpc.RpcMethodHandler]:
    calls = _SubscriberCalls(state)
    return {
        "CreateSubscription": _unary(calls.create_subscription, types.Subscription),
        "GetSubscription": _unary(calls.get_subscription, types.GetSubscriptionRequest),
        "DeleteSubscription": _unary(calls.delete_subscription, types.DeleteSubscriptionRequest),
        "Pull": _unary(calls.pull, types.PullRequest),
        "Acknowledge": _unary(calls.acknowledge, types.AcknowledgeRequest),
        "ModifyAckDeadline": _unary(calls.modify_ack_deadline, types.ModifyAckDeadlineRequest),
        "StreamingPull": grpc.stream_stream_rpc_method_handler(
            calls.streaming_pull, types.StreamingPullRequest.deserialize, _serialize
        ),
    }


def _unary(call: Callable[[Any, grpc.ServicerContext], Any], request: Any) -> grpc.RpcMethodHandler:
    return grpc.unary_unary_rpc_method_handler(call, request.deserialize, _serialize)


def _serialize(message: Any) -> bytes:
    if isinstance(message, Empty):
        return message.SerializeToString()
    data: bytes = type(message).serialize(message)
    return data


def _missing(name: str, context: grpc.ServicerContext) -> NoReturn:
    context.abort(grpc.StatusCode.NOT_FOUND, f"Resource not found (resource={name}).")
    raise AssertionError("abort raises")


def _exists(name: str, context: grpc.ServicerContext) -> NoReturn:
    context.abort(grpc.StatusCode.ALREADY_EXISTS, f"Resource already exists (resource={name}).")
    raise AssertionError("abort raises")


@dataclass(frozen=True, slots=True)
class _PublisherCalls:
    """The publisher's half of the service."""

    state: PubSubServer

    def create_topic(self, request: types.Topic, context: grpc.ServicerContext) -> types.Topic:
        if request.name in self.state.topics:
            _exists(request.name, context)
        self.state.topics[request.name] = request
        return request

    def get_topic(self, request: types.GetTopicRequest, context: grpc.ServicerContext) -> types.Topic:
        return self.state.topics.get(request.topic) or _missing(request.topic, context)

    def list_topics(
        self, request: types.ListTopicsRequest, context: grpc.ServicerContext
    ) -> types.ListTopicsResponse:
        topics = [
            topic for name, topic in self.state.topics.items() if name.startswith(f"{request.project}/")
        ]
        return types.ListTopicsResponse(topics=topics)

    def delete_topic(self, request: types.DeleteTopicRequest, context: grpc.ServicerContext) -> Empty:
        if self.state.topics.pop(request.topic, None) is None:
            _missing(request.topic, context)
        return Empty()

    def publish(self, request: types.PublishRequest, context: grpc.ServicerContext) -> types.PublishResponse:
        if request.topic not in self.state.topics:
            _missing(request.topic, context)
        ids = [self.state.put(request.topic, message) for message in request.messages]
        return types.PublishResponse(message_ids=ids)


@dataclass(frozen=True, slots=True)
class _SubscriberCalls:
    """The subscriber's half of the service."""

    state: PubSubServer

    def create_subscription(
        self, request: types.Subscription, context: grpc.ServicerContext
    ) -> types.Subscription:
        if request.name in self.state.subscriptions:
            _exists(request.name, context)
        if request.topic not in self.state.topics:
            _missing(request.topic, context)
        return self.state.subscribe(request).proto

    def get_subscription(
        self, request: types.GetSubscriptionRequest, context: grpc.ServicerContext
    ) -> types.Subscription:
        return self._queue(request.subscription, context).proto

    def delete_subscription(
        self, request: types.DeleteSubscriptionRequest, context: grpc.ServicerContext
    ) -> Empty:
        if self.state.subscriptions.pop(request.subscription, None) is None:
            _missing(request.subscription, context)
        return Empty()

    def pull(self, request: types.PullRequest, context: grpc.ServicerContext) -> types.PullResponse:
        queue = self._queue(request.subscription, context)
        if refusal := self.state.refusal or _why_not_pulled(queue.proto):
            context.abort(*refusal)
        wait_s = 0.0 if request.return_immediately else min(1.0, context.time_remaining() or 1.0)
        taken = queue.take(request.max_messages, wait_s=wait_s)
        if not context.is_active():  # the client has hung up
            queue.give_back(message.ack_id for message in taken)
        return types.PullResponse(received_messages=taken)

    def acknowledge(self, request: types.AcknowledgeRequest, context: grpc.ServicerContext) -> Empty:
        self._wait()
        self._queue(request.subscription, context).acknowledge(request.ack_ids)
        return Empty()

    def modify_ack_deadline(
        self, request: types.ModifyAckDeadlineRequest, context: grpc.ServicerContext
    ) -> Empty:
        self._wait()
        queue = self._queue(request.subscription, context)
        for ack_id in request.ack_ids:
            queue.extend(ack_id, request.ack_deadline_seconds)
        return Empty()

    def streaming_pull(
        self, requests: Iterator[types.StreamingPullRequest], context: grpc.ServicerContext
    ) -> Iterator[types.StreamingPullResponse]:
        first = next(requests)
        queue = self._queue(first.subscription, context)
        listener = threading.Thread(target=_obey, args=(queue, requests), name="streaming pull", daemon=True)
        listener.start()
        allowed = first.max_outstanding_messages or 1000
        held: set[str] = set()
        while context.is_active() and listener.is_alive():
            held = queue.still_leased(held)
            limit = min(_BATCH, allowed - len(held))
            taken = queue.take(limit, wait_s=_POLL_S, lease_s=first.stream_ack_deadline_seconds)
            if not context.is_active():
                queue.give_back(message.ack_id for message in taken)
            elif taken:
                held |= {message.ack_id for message in taken}
                yield types.StreamingPullResponse(received_messages=taken)

    def _wait(self) -> None:
        if self.state.answers_wait_for:
            self.state.answers_wait_for.wait()

    def _queue(self, name: str, context: grpc.ServicerContext) -> Subscription:
        return self.state.subscriptions.get(name) or _missing(name, context)


def _why_not_pulled(proto: types.Subscription) -> tuple[grpc.StatusCode, str] | None:
    """Pub/Sub's answer to a pull from a subscription that is not for pulling."""
    if proto.detached:
        return grpc.StatusCode.FAILED_PRECONDITION, "Subscription is detached from its topic."
    if proto.push_config.push_endpoint:
        return grpc.StatusCode.FAILED_PRECONDITION, "This method is not supported for this subscription type."
    return None


def _obey(queue: Subscription, requests: Iterator[types.StreamingPullRequest]) -> None:
    """Take acknowledgements and extensions off a stream until its client hangs up."""
    try:
        for request in requests:
            queue.acknowledge(request.ack_ids)
            for ack_id, seconds in zip(
                request.modify_deadline_ack_ids, request.modify_deadline_seconds, strict=True
            ):
                queue.extend(ack_id, seconds)
    except grpc.RpcError:
        pass
