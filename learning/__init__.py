"""Labelled tracks: manifests, public data sets, training, evaluation. What needs Beam lives in pipelines."""
