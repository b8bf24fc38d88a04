"""What a catalog takes, reckoned from rates and prices: its hours and bytes, and the ways to run it."""
