"""Streams of frames without a container: how a frame is recognised, and where the first one is.

What formats are made of such frames, and which decoders read them, is in ``formats``.
"""
