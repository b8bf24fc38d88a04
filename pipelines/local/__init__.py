"""A run on this machine: tracks are taken in shares, worked by threads and committed share by share."""
