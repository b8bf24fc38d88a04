"""What every run has, wherever it runs: its order, its record and counts, Beam's options."""
