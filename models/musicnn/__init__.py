"""The musicnn architecture: the network, and how it is pruned and arranged so that engines compute less."""
