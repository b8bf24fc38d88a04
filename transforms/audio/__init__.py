"""From a file's bytes to mono samples: what it is, which decoder reads it, whether all of it was heard."""
