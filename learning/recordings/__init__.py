"""Which tracks are the same recording, encoded again: fingerprints of sound, and the search among them."""
