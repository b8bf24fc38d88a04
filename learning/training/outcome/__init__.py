"""What comes of a training: a bundle with calibrated tags, its model card, and a card of its data set."""
