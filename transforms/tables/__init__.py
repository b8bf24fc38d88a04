"""The six tables: columns, rows, the sink, what they hold already; a folder a kind of output."""
