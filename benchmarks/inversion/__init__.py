"""What handed-over spectrograms give away of the music, and what withholding some of it costs in tags."""
