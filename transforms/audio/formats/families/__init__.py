"""The formats, a file a family: containers of films, lossless codecs, what broadcasters use, and so on."""
