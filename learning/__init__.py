"""Labelled tracks for training: their manifests, public data sets. What needs Beam lives in pipelines."""
