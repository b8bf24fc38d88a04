"""Notes: pieces read from scores, and the arrangements that are drawn from them. No sound in here."""
