"""One run at a time on an output: who holds it, by what sign of life that is known, when it is taken over.

How a kind of output stores the note that tells so lives with that kind.
"""
