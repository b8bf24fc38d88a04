"""What BigQuery does and the emulator does not, made up for in the proxy before it.

It refuses rows, in streaming inserts and load jobs, and changes on a condition that does not hold.
"""

from __future__ import annotations

import io
import json
import re
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow.parquet as pq

from tests.servers.credentials import PROJECT
from tests.servers.faults import Layer, Reply, Request, Send

Row = Mapping[str, Any]

_PARQUET = b"PAR1"

_JSON = (("Content-Type", "application/json"),)


_SQL_WITH_DAYS = re.compile(r"^(?!MERGE).*\bingest_date >=|^MERGE.*\bON .*target\.ingest_date >=", re.DOTALL)


@dataclass(slots=True)
class PartitionFilters:
    """Refuses statements that name no partitions of a table that is set to require so.

    Attributes:
        required: Names of the tables.
    """

    required: set[str] = field(default_factory=set)

    def layer(self, request: Request, send: Send) -> Reply:
        """Look at the statement of a query job before it is passed on."""
        if not (self.required and request.method == "POST" and request.body.startswith(b"{")):
            return send(request)
        body = json.loads(request.body)
        sql = body.get("query") or body.get("configuration", {}).get("query", {}).get("query", "")
        named = {name for name in self.required if re.search(rf"\.{name}`", sql)}
        if named and not sql.startswith("ALTER") and not _SQL_WITH_DAYS.search(sql):
            message = f"Cannot query over table {named} without a filter over column(s) 'ingest_date'"
            error = {"code": 400, "message": message, "errors": [{"reason": "invalidQuery"}]}
            return Reply(400, _JSON, json.dumps({"error": error}).encode())
        return send(request)


def enforce_etags() -> Layer:
    """Return a layer that refuses a change of a table whose ``If-Match`` is not its ETag any more."""
    lock = threading.Lock()

    def layer(request: Request, send: Send) -> Reply:
        condition = {name.lower(): value for name, value in request.headers}.get("if-match")
        if request.method not in {"PATCH", "PUT"} or condition is None:
            return send(request)
        with lock:
            headers = tuple(each for each in request.headers if each[0].lower() != "if-match")
            present = send(Request("GET", request.target.split("?")[0], headers, b""))
            if present.status == 200 and json.loads(present.body)["etag"] != condition:
                return Reply(412, _JSON, b'{"error": {"code": 412, "message": "Precondition Failed"}}')
            return send(request)

    return layer


@dataclass(slots=True)
class RowRefusals:
    """Decides which rows are refused, and answers as BigQuery does.

    A streaming insert is told which of its rows are bad; a load job with a bad row in its Parquet file fails
    whole. A row is known by its insert id or its content, so that one that was refused is refused again, and
    one that was only stopped by its neighbours passes when it is sent again without them.

    Attributes:
        every: Refuse each so-manieth new row; 0 refuses none.
        when: Refuse also the rows for which this holds; it sees the row's columns.
        refused: The refused rows' columns, each once.
    """

    every: int = 0
    when: Callable[[Row], bool] | None = None
    refused: list[Row] = field(default_factory=list)
    _verdicts: dict[str, bool] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def layer(self, request: Request, send: Send) -> Reply:
        """Pass a request on without the refused rows, or not at all."""
        if request.target.split("?")[0].endswith("/insertAll"):
            return self._insert(request, send)
        if request.body.startswith(_PARQUET) and (self.every or self.when):
            return self._load(request, send)
        return send(request)

    def _load(self, request: Request, send: Send) -> Reply:
        rows = pq.read_table(io.BytesIO(request.body)).to_pylist()
        with self._lock:
            bad = any(self._is_bad(_named(row), row) for row in rows)
        return _failed_load() if bad else send(request)

    def _insert(self, request: Request, send: Send) -> Reply:
        """See ``skipInvalidRows`` of the API."""
        body = json.loads(request.body)
        rows = body.get("rows", [])
        with self._lock:
            bad = {
                index
                for index, row in enumerate(rows)
                if self._is_bad(row.get("insertId") or _named(row["json"]), row["json"])
            }
        if not bad:
            return send(request)
        stopped: set[int] = set()
        if body.get("skipInvalidRows"):
            body["rows"] = [row for index, row in enumerate(rows) if index not in bad]
            reply = send(replace(request, body=json.dumps(body).encode()))
            if reply.status != 200:
                return reply
        else:
            stopped = set(range(len(rows))) - bad
        return _answer(bad, stopped)

    def _is_bad(self, name: str, row: Row) -> bool:
        if name not in self._verdicts:
            place = len(self._verdicts) + 1
            bad = bool(self.every and place % self.every == 0) or bool(self.when and self.when(row))
            self._verdicts[name] = bad
            if bad:
                self.refused.append(row)
        return self._verdicts[name]


def _named(row: Row) -> str:
    return json.dumps(row, sort_keys=True, default=str)


def _failed_load() -> Reply:
    """A load job that is done and has failed, in answer to the upload of its file."""
    error = {"reason": "invalid", "message": "injected fault: a row of the file is refused"}
    job = {
        "kind": "bigquery#job",
        "jobReference": {"projectId": PROJECT, "jobId": "refused", "location": "US"},
        "configuration": {"load": {}},
        "status": {"state": "DONE", "errorResult": error, "errors": [error]},
    }
    return Reply(200, _JSON, json.dumps(job).encode())


def _answer(bad: set[int], stopped: set[int]) -> Reply:
    errors = [_error(index, "invalid", "injected fault: this row is refused") for index in bad]
    errors += [_error(index, "stopped", "") for index in stopped]
    body = {
        "kind": "bigquery#tableDataInsertAllResponse",
        "insertErrors": sorted(errors, key=lambda error: int(error["index"])),
    }
    return Reply(200, _JSON, json.dumps(body).encode())


def _error(index: int, reason: str, message: str) -> dict[str, Any]:
    detail = {"reason": reason, "location": "", "debugInfo": "", "message": message}
    return {"index": index, "errors": [detail]}
