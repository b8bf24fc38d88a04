"""The steps of the pipeline, a folder a step, in the order in which the data meets them."""
