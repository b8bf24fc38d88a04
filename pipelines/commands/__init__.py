"""The command line, a file a subcommand, and their options. What a command does lives elsewhere."""
