"""The jobs: graphs, their options and the command line."""
