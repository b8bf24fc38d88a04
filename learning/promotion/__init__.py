"""Putting taggers to work: copied into a bundle root, made current by rule, taken back. Opens no audio."""
