"""Objects on a disk or in a store, by scheme: listed, looked up, fetched, written, moved."""
