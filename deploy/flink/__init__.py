"""A Flink cluster on this machine, for a demonstration and for tests: its jars, processes and workers."""
