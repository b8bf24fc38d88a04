"""From a stored file of spectrograms to patches that may be scored: read in a process apart, and checked."""
