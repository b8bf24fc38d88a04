"""The registry of formats: what each is called, how its bytes begin, what decodes it, how long it says it is.

Each family of formats has a file, and each format an entry in it; ``registry.py`` puts the families together.
Nothing here opens or decodes a file: ``identification`` asks the entries what a file is, the
decoders ask them how to read it.
"""
