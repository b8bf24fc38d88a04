"""Sinks that publish each track once, whatever a cluster does again, by the journals of shards."""
