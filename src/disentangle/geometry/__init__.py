"""The geometry of a matrix: its spectrum, the angles between its rows, its isotropy.

`measure_matrix.measure_matrix` gives every metric of one matrix. What is measured of the matrix
itself (`measurements`) is kept; metrics of its spectrum are read off what is kept (`metrics`).
"""

CENTERED = "_centered"
"""Suffix of what was measured after the column means were subtracted."""
