"""What changes in a catalog's tags from one tagger to another, by the rows of both for the same tracks."""
