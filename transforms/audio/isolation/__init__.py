"""Decoding in a process of its own, so that a file that kills a codec library costs that file alone."""
