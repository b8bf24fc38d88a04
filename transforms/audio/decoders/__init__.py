"""The decoders: FFmpeg, libsndfile and TensorFlow I/O behind one contract, mixing to mono, counting packets.

They are shown a file and its format; which of them is asked is for ``decoder_order``, and what another one
may add for ``reader``.
"""
