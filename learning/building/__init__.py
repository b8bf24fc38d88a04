"""From a labelled manifest to a data set: splits, vocabulary, shards, what is written while it is built."""
