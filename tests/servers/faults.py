"""A reverse proxy on loopback that tests put before a server to make it misbehave.

    with faults.serve(upstream_url) as proxy:
        proxy.fail(status=503, seconds=20)                   # an outage
        proxy.hang(path="*/o/slow.mp3*", times=1)            # one connection that never answers
        proxy.cut(after_bytes=1000, path="*alt=media*")      # bodies that end too early
        proxy.heal()

Whole bodies pass through memory, which is fine for tracks of a test's size. What a server needs beyond faults
(see ``gcs`` and ``bigquery``) are *layers*: functions from a request and the way onwards to a reply.
"""

from __future__ import annotations

import http.client
import json
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from tests.servers.processes import LOOPBACK

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "expect", "content-length"}


@dataclass(frozen=True, slots=True)
class Request:
    """A request on its way to the server; ``target`` is the path with its query."""

    method: str
    target: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """A reply on its way to the client.

    Attributes:
        status: HTTP status.
        headers: Headers without those that describe the connection.
        body: The whole body.
        cut_after: Send so many bytes of the body and then close; None sends all.
    """

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    cut_after: int | None = None


Send = Callable[[Request], Reply]
Layer = Callable[[Request, Send], Reply]


class Disconnected(Exception):  # noqa: N818  (nobody's error: a test asked for it)
    """Ends a connection without a reply."""


@dataclass(slots=True)
class _Fault:
    """One misbehaviour: what it does, to which requests, and for how long or how often."""

    act: Layer
    method: str
    path: str
    until: float | None
    remaining: int | None

    def claims(self, request: Request) -> bool:
        """Say whether this request is hit, and count it if so."""
        if self.until is not None and time.monotonic() > self.until:
            return False
        if not (fnmatchcase(request.method, self.method) and fnmatchcase(request.target, self.path)):
            return False
        if self.remaining is None:
            return True
        self.remaining -= 1
        return self.remaining >= 0


@dataclass(slots=True)
class FaultProxy:
    """The proxy's controls, for a test to turn.

    Each fault takes ``method`` and ``path`` (shell patterns; the path includes the query), ``seconds`` and
    ``times`` (None: until ``heal()``). The first fault that claims a request decides.

    Attributes:
        url: Address for clients.
        requests: ``(method, target, status)`` of all that was answered; status 0 for a dropped connection.
        held: How many requests have been left to hang.
    """

    url: str
    requests: list[tuple[str, str, int]] = field(default_factory=list)
    held: int = 0
    _faults: list[_Fault] = field(default_factory=list)
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _healed: threading.Event = field(default_factory=threading.Event)

    def fail(
        self,
        *,
        status: int = 503,
        method: str = "*",
        path: str = "*",
        seconds: float | None = None,
        times: int | None = None,
        reason: str = "injected",
    ) -> None:
        """Answer with an error status in the server's place, and a reason as Google's servers give it."""
        error = {"code": status, "message": "injected fault", "errors": [{"reason": reason}]}
        body = json.dumps({"error": error}).encode()
        reply = Reply(status, (("Content-Type", "application/json"),), body)
        self._add(lambda _request, _send: reply, method, path, seconds, times)

    def hang(
        self,
        *,
        method: str = "*",
        path: str = "*",
        seconds: float | None = None,
        times: int | None = None,
    ) -> None:
        """Take requests and never answer; their connections close at ``heal()``."""
        healed = self._healed

        def wait(_request: Request, _send: Send) -> Reply:
            with self._lock:
                self.held += 1
            healed.wait()
            raise Disconnected

        self._add(wait, method, path, seconds, times)

    def cut(
        self,
        *,
        after_bytes: int = 0,
        method: str = "*",
        path: str = "*",
        seconds: float | None = None,
        times: int | None = None,
    ) -> None:
        """Do the work, but close the connection after so many bytes of the answer's body."""
        self._add(
            lambda request, send: replace(send(request), cut_after=after_bytes), method, path, seconds, times
        )

    def heal(self) -> None:
        """Take all faults back."""
        with self._lock:
            self._faults.clear()
            self._healed.set()
            self._healed = threading.Event()

    def _add(self, act: Layer, method: str, path: str, seconds: float | None, times: int | None) -> None:
        until = None if seconds is None else time.monotonic() + seconds
        with self._lock:
            self._faults.append(_Fault(act, method, path, until, times))

    def _inject(self, request: Request, send: Send) -> Reply:
        with self._lock:
            fault = next((fault for fault in self._faults if fault.claims(request)), None)
        return fault.act(request, send) if fault else send(request)


@contextmanager
def serve(upstream: str, *layers: Layer) -> Iterator[FaultProxy]:
    """Run a proxy before a server, in threads of this process.

    Args:
        upstream: The server's address, ``http://host:port``.
        layers: What else happens to requests and replies, outermost first, all of it behind the faults.
    """
    server = _Server((LOOPBACK, 0), _Handler)
    proxy = FaultProxy(f"http://{LOOPBACK}:{server.server_port}")
    send = _sender(upstream)
    for layer in (proxy._inject, *layers)[::-1]:
        send = _wrapped(layer, send)
    server.proxy, server.send = proxy, send
    threading.Thread(target=server.serve_forever, name="fault proxy", daemon=True).start()
    try:
        yield proxy
    finally:
        proxy.heal()
        server.shutdown()
        server.server_close()


def _wrapped(layer: Layer, onwards: Send) -> Send:
    return lambda request: layer(request, onwards)


def _sender(upstream: str) -> Send:
    host, port = urlsplit(upstream).hostname or LOOPBACK, urlsplit(upstream).port

    def send(request: Request) -> Reply:
        connection = http.client.HTTPConnection(host, port)
        try:
            connection.putrequest(request.method, request.target, skip_host=True, skip_accept_encoding=True)
            for name, value in request.headers:
                connection.putheader(name, value)
            connection.putheader("Content-Length", str(len(request.body)))
            connection.endheaders(request.body)
            answer = connection.getresponse()
            keep = "content-length" if request.method == "HEAD" else ""
            return Reply(answer.status, _end_to_end(answer.getheaders(), keep=keep), answer.read())
        except (OSError, http.client.HTTPException) as error:
            raise Disconnected from error
        finally:
            connection.close()

    return send


def _end_to_end(headers: list[tuple[str, str]], *, keep: str = "") -> tuple[tuple[str, str], ...]:
    return tuple((name, value) for name, value in headers if name.lower() not in _HOP_BY_HOP - {keep})


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128
    proxy: FaultProxy
    send: Send

    def handle_error(self, request: object, client_address: object) -> None:
        """Keep quiet about clients that went away, as killed ones do."""
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)  # type: ignore[arg-type]


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1
    server: _Server

    def _relay(self) -> None:
        try:
            body = self._body()
        except Disconnected:
            self.close_connection = True
            return
        request = Request(self.command, self.path, _end_to_end(self.headers.items()), body)
        try:
            reply = self.server.send(request)
        except Disconnected:
            reply = None
        self.server.proxy.requests.append((request.method, request.target, reply.status if reply else 0))
        if reply is None:
            self.close_connection = True
            return
        try:
            self._answer(reply)
        except OSError:
            self.close_connection = True

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = _relay  # noqa: N815  (the base class looks for these)

    def _body(self) -> bytes:
        if "chunked" in self.headers.get("Transfer-Encoding", ""):
            return b"".join(self._chunks())
        return self._exactly(int(self.headers.get("Content-Length", 0)))

    def _chunks(self) -> Iterator[bytes]:
        while size := int(self.rfile.readline().split(b";")[0] or b"-1", 16):
            yield self._exactly(size)
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass

    def _exactly(self, size: int) -> bytes:
        """Read so many bytes; a client that dies before it sent them sent nothing."""
        data = self.rfile.read(size) if size >= 0 else b""
        if len(data) != size:
            raise Disconnected
        return data

    def handle_expect_100(self) -> bool:
        """Invite the body at once: boto3 waits a second for the invitation."""
        super().handle_expect_100()
        self.wfile.flush()
        return True

    def _answer(self, reply: Reply) -> None:
        self.send_response_only(reply.status)
        for name, value in reply.headers:
            self.send_header(name, value)
        if self.command != "HEAD" and reply.status not in (204, 304):
            self.send_header("Content-Length", str(len(reply.body)))
        self.end_headers()
        self.wfile.write(reply.body[: reply.cut_after])
        self.wfile.flush()
        if reply.cut_after is not None:
            self.close_connection = True

    def log_message(self, format: str, *args: object) -> None:
        """Keep quiet."""
