"""Labelled tracks for training: manifests, public data sets, evaluation. What needs Beam lives in pipelines."""
