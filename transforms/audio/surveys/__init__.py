"""What a file's own frames, pages and chunks tell before it is decoded: how much sound there is, and where.

One module for each kind of stream, and ``survey`` in front of them; nothing is decoded here.
"""
