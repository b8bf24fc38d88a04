"""What may be wrong with a labelled manifest, a file for each kind. Only `audio` opens tracks."""
