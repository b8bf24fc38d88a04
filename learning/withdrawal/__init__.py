"""Withdrawing consent: the manifest's row, and all data sets and bundles that hold the track."""
