"""The labelled manifest: its rows, what they say of each label, reading and writing. No audio is opened."""
