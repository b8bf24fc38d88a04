"""What fake-gcs-server does not do as Google's server does, made up for in the proxy before it."""

from __future__ import annotations

import json
import re
import threading
from dataclasses import dataclass, replace
from urllib.parse import parse_qs, quote, unquote, urlsplit

from tests.servers.faults import Layer, Reply, Request, Send

_OBJECT = re.compile(r"/(?:download/)?storage/v1/b/([^/]+)/o/([^/]+)(?:/compose)?")
_COPY = re.compile(r"/storage/v1/b/[^/]+/o/[^/]+/(?:rewriteTo|copyTo)/b/([^/]+)/o/([^/]+)")
_UPLOAD = re.compile(r"/upload/storage/v1/b/([^/]+)/o")
_REFUSED = Reply(
    412,
    (("Content-Type", "application/json"),),
    b'{"error": {"code": 412, "message": "At least one of the pre-conditions you specified did not hold."}}',
)


def number_batch_parts(request: Request, send: Send) -> Reply:
    """Give each part of a batch request a ``Content-ID``.

    Google's server does without, as does google-cloud-storage; fake-gcs-server refuses the batch, and with
    it Beam's rename and delete of several files.
    """
    if not request.target.startswith("/batch/"):
        return send(request)
    number = 0

    def numbered(match: re.Match[bytes]) -> bytes:
        nonlocal number
        number += 1
        return b"Content-ID: <%d>\r\n%s" % (number, match[0])

    body = re.sub(rb"(?m)^Content-Type: application/http", numbered, request.body)
    return send(replace(request, body=body))


@dataclass(frozen=True, slots=True)
class _Condition:
    """The ``ifGenerationMatch`` of one request; generation 0 stands for "does not exist"."""

    bucket: str
    name: str
    generation: int

    def holds(self, send: Send) -> bool:
        path = f"/storage/v1/b/{self.bucket}/o/{quote(self.name, safe='')}"
        reply = send(Request("GET", path, (("Host", "localhost"),), b""))
        found = int(json.loads(reply.body)["generation"]) if reply.status == 200 else 0
        return found == self.generation


def enforce_preconditions() -> Layer:
    """Return a layer that refuses requests whose ``ifGenerationMatch`` does not hold.

    fake-gcs-server checks it for multipart uploads only, and lets downloads, resumable uploads, rewrites,
    copies and deletes pass. Resumable uploads are checked at each of their requests, as Google does.
    """
    lock = threading.Lock()
    sessions: dict[str, _Condition] = {}

    def layer(request: Request, send: Send) -> Reply:
        condition = sessions.get(_upload_id(request.target)) or _condition(request)
        if condition is None:
            return send(request)
        with lock:
            if not condition.holds(send):
                return _REFUSED
            reply = send(request)
        if session := _upload_id(dict(reply.headers).get("Location", "")):
            sessions[session] = condition
        return reply

    return layer


def _condition(request: Request) -> _Condition | None:
    url = urlsplit(request.target)
    query = parse_qs(url.query)
    if "ifGenerationMatch" not in query:
        return None
    generation = int(query["ifGenerationMatch"][0])
    if match := _COPY.fullmatch(url.path) or _OBJECT.fullmatch(url.path):
        return _Condition(match[1], unquote(match[2]), generation)
    if (match := _UPLOAD.fullmatch(url.path)) and query["uploadType"] == ["resumable"]:
        name = query["name"][0] if "name" in query else json.loads(request.body)["name"]
        return _Condition(match[1], name, generation)
    return None


def _upload_id(target: str) -> str:
    return parse_qs(urlsplit(target).query).get("upload_id", [""])[0]
