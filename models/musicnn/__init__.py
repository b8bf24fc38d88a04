"""The musicnn architecture: the network, how its silent filters go, how engines compute the others."""
