"""What a stream listens to, and how long its waves stay open."""

from __future__ import annotations

from dataclasses import dataclass

from tonearm.pipelines.runs.defaults import MAX_WAVE_SECONDS, POLL_SECONDS
from tonearm.transforms.sources.object_filter import ObjectFilter


@dataclass(frozen=True, slots=True)
class StreamInput:
    """What a stream listens to; exactly one of ``subscription`` and ``watch`` is set.

    Attributes:
        subscription: Pub/Sub subscription to a bucket's notifications.
        watch: Folder, prefix or glob to list again and again.
        poll_seconds: Time from one listing to the next.
        catch_up: Folder, prefix or glob that is swept once beside the messages.
        wanted: Which objects to take, whatever announces them.
        max_wave_seconds: A wave closes this long after its first track was announced, at the latest.
    """

    subscription: str = ""
    watch: str = ""
    poll_seconds: float = POLL_SECONDS
    catch_up: str = ""
    wanted: ObjectFilter = ObjectFilter()  # noqa: RUF009 - frozen
    max_wave_seconds: float = MAX_WAVE_SECONDS
