"""Text: where it comes from, how it is split and tokenised, and whether it leaks."""
