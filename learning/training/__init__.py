"""Training: a plain loop over batches that are streamed from a built data set, and what it needs around it.

Read :mod:`.loop` first, then :mod:`.run`, which puts everything together. What comes of a training, a bundle
with its cards, is made in :mod:`.outcome`. The graphs that build data sets are in ``pipelines/graphs``.
"""
