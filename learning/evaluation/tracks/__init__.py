"""The tracks that a tagger is judged by: their labels, as the tagger's tags, and what it says of them."""
