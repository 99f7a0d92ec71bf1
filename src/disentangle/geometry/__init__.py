"""The geometry of a matrix: its spectrum, the angles between its rows, its isotropy.

`of_matrix.measure_matrix` gives every metric of one matrix. Measurements of the matrix itself
(`measurements`) are cached; metrics of its spectrum are computed from the cached values
(`metrics`).
"""

CENTERED = "_centered"
"""Suffix of the values measured after subtracting the column means."""
