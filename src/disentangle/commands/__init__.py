"""The `disentangle` command."""
