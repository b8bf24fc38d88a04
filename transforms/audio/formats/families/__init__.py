"""The formats, one file per family: containers of films, lossless codecs, broadcasts and others."""
