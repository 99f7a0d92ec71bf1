"""A class a section of the study file; the docstring under a field is its documentation."""
