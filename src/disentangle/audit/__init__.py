"""Compare a study's files with every hash recorded in its results."""
