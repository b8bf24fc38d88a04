"""The registry of formats: what each is called, how its bytes begin, what decodes it, how long it says it is.

One file a family, one entry a format; ``registry.py`` puts the families together. Nothing here opens or
decodes a file: ``identification`` asks the entries what a file is, the decoders ask them how to read it.
"""
