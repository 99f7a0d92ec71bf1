"""A study as one file that others can check and run again."""
