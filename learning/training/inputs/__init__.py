"""What a training learns from: labels and what they mean, tracks in batches, embeddings computed once.

Data sets themselves are read by ``learning/datasets``.
"""
