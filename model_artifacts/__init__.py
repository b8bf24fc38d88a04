"""Tagger bundles that ship with the package: data, no code."""
