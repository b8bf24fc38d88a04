"""The short-chunk architecture: a small CNN with residuals, the default for taggers trained from scratch."""
