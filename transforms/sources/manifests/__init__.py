"""Manifests, the catalog's own lists of tracks: one module per file format. No track is looked up here."""
