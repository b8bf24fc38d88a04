"""The formats, one file for each family: containers of films, lossless codecs, what broadcasters use, and so on."""
