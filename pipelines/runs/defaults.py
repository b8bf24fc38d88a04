"""Defaults and words of options that commands and runs share; light, as `--help` needs them."""

WAVE_TRACKS = 128
"""Tracks of a local run in flight at most: enough for device batches, few enough to lose."""

STREAMING_INSERTS = "STREAMING_INSERTS"
STORAGE_WRITE_API = "STORAGE_WRITE_API"
"""How a stream on a cluster writes to BigQuery; Beam's names."""
