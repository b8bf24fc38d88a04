"""Streams of frames without a container: how a frame is told, where the first one is, if the last is whole.

What formats are made of such frames, and which decoders read them, is in ``formats``.
"""
