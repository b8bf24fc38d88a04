"""Manifests, the catalog's own lists of tracks: a module a file format. No track is looked up here."""
