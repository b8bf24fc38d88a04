"""The steps of the pipeline, one noun a file; domain code first, the Beam transforms around it last."""
