"""Watching what a tagger says day by day: days on which it says something else than on the days before."""
