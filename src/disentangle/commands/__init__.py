"""The `disentangle` command: what is asked of a study beside making its files."""
