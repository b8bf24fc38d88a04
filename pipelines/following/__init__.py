"""Streams that follow a bundle root: which bundle takes over, and how a cluster's workers change over."""
