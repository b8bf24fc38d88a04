"""Options of the commands that run jobs: what they share, Dataflow's, and which runs each option is for."""
