"""The decoders: FFmpeg and libsndfile behind one contract, mixing to mono, and counting what packets promise.

They are shown a file and its format; which of them is asked, and what another one may add, is for ``reader``.
"""
