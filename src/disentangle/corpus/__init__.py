"""Text: its sources, how it is split and tokenised, and held-out text that leaks into training."""
