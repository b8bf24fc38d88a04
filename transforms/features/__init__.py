"""From samples to what the network sees: log-mel spectrograms in patches."""
