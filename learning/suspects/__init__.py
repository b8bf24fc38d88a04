"""Labels that are likely to be wrong: embeddings, held-out predictions of a probe, and confident learning."""
