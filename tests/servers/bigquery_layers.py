"""Streaming inserts that BigQuery refuses, which the emulator never does by itself."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tests.servers.faults import Reply, Request, Send

Row = Mapping[str, Any]


@dataclass(slots=True)
class RowRefusals:
    """Decides which rows of ``insertAll`` requests are refused, and answers as BigQuery does.

    A row is known by its insert id, so that one that was refused is refused again, and one that was only
    stopped by its neighbours passes when it is sent again without them.

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
        """Pass a request on without the refused rows, or not at all; see ``skipInvalidRows``."""
        if not request.target.split("?")[0].endswith("/insertAll"):
            return send(request)
        body = json.loads(request.body)
        rows = body.get("rows", [])
        with self._lock:
            bad = {index for index, row in enumerate(rows) if self._is_bad(row)}
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

    def _is_bad(self, row: Row) -> bool:
        name = row.get("insertId") or json.dumps(row["json"], sort_keys=True)
        if name not in self._verdicts:
            place = len(self._verdicts) + 1
            bad = bool(self.every and place % self.every == 0) or bool(self.when and self.when(row["json"]))
            self._verdicts[name] = bad
            if bad:
                self.refused.append(row["json"])
        return self._verdicts[name]


def _answer(bad: set[int], stopped: set[int]) -> Reply:
    errors = [_error(index, "invalid", "injected fault: this row is refused") for index in bad]
    errors += [_error(index, "stopped", "") for index in stopped]
    body = {
        "kind": "bigquery#tableDataInsertAllResponse",
        "insertErrors": sorted(errors, key=lambda error: int(error["index"])),
    }
    return Reply(200, (("Content-Type", "application/json"),), json.dumps(body).encode())


def _error(index: int, reason: str, message: str) -> dict[str, Any]:
    detail = {"reason": reason, "location": "", "debugInfo": "", "message": message}
    return {"index": index, "errors": [detail]}
