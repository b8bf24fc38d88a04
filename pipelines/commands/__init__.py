"""The command line: one file for each subcommand, with its options. What a command does lives elsewhere."""
