"""The Beam graphs and nothing else: the analysis of a track, a backfill, a stream."""
