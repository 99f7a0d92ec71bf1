"""A study's files, compared with every hash that stands in its results."""
