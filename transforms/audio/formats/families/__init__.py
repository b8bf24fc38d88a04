"""The formats, one file per family: containers of films, lossless codecs, what broadcasters use, and so on."""
