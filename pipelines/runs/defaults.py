"""Defaults and words of options that commands and runs share; light, as `--help` needs them."""

WAVE_TRACKS = 128
"""Tracks of a local run in flight at most: enough for device batches, few enough to lose."""

MAX_WAVE_SECONDS = 10.0
"""A stream's wave closes this long after its first track was announced, at the latest."""

POLL_SECONDS = 30.0
"""From the beginning of one listing of ``--watch`` to that of the next."""

STREAMING_INSERTS = "STREAMING_INSERTS"
STORAGE_WRITE_API = "STORAGE_WRITE_API"
"""How a stream on a cluster writes to BigQuery; Beam's names."""

CANARY_SHARE = 0.05
"""Share of the tracks that a canary tags, if a call does not say otherwise."""
