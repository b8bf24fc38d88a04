"""What a bundle holds: writing and reading it, checking all of it, and the way from units to tags.

The values themselves are data, in the bundle's ``bundle.json``: a tag's threshold and calibration (``tags``),
how many tags a facet gets (``selection``), the mel bands (``front_end``). The embedded one is
``model_artifacts/musicnn/bundle.json``. A changed bundle is a new ``version``.
"""
