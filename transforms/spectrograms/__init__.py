"""Spectrograms that travel in place of audio: the record of one track, and the three forms of file it takes.

A rights holder who gives no audio away makes spectrograms on its own side and hands over those. One record is
one track, and its keys have the same names in every form: Parquet, with many tracks a file; NumPy's ``.npz``
and TFRecord, with one track a file. Nothing here judges whether a spectrogram is a good one; files are read
as what they are, bytes of strangers.
"""
