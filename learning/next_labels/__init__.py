"""What to label next: the tracks whose labels teach most, and the manifest in which people fill them in.

``asked`` knows what was asked for before, ``catalog`` reads the tables, ``uncertainty`` says how unsure a
tagger is of a track, ``pool`` keeps some tracks of a large catalog, ``coverage`` chooses those that stand for
many others, ``choosing`` goes the whole way, ``sheet`` is the manifest.
"""
