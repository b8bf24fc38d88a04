"""Sound: soundfonts by family, where packages put them, and the two synthesizers that play arrangements."""
