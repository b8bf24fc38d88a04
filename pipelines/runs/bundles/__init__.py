"""The bundles of a run, looked at before it begins: which it may not tag with."""
