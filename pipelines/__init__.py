"""The jobs: what runs and where. The steps that they are made of live in ``transforms``."""
