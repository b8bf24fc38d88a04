"""What a bundle holds: reading it, checking all of it, and the way from a network's units to tags."""
