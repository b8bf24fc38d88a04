"""From scores to probabilities, fitted on tracks held back from training, and thresholds on them.

How a fitted curve is applied when tracks are tagged is in ``models/bundles/calibration.py``.
"""
