"""OpenVINO, without its telemetry: every module takes it from here.

At its import, and at each conversion, OpenVINO asks a host for analytics to note the event and keeps an
identifier below ``HOME``, unless it finds ``CI`` set. It does neither where its package
``openvino_telemetry`` is not installed. But OpenVINO's wheel asks for that package; so it is made to look
absent: a module that is None in ``sys.modules`` cannot be imported (Python's documentation, *The import
system*), whatever the environment says.
"""

from __future__ import annotations

import sys

sys.modules["openvino_telemetry"] = None  # type: ignore[assignment]  # typeshed knows of no absent modules

import openvino  # noqa: E402  # only now

__all__ = ["openvino"]
