"""Worked examples: whole ways to a result, by the project's own commands; no part of what is installed."""
