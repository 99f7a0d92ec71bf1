"""The geometry of a matrix: its spectrum, the angles between its rows, its isotropy.

`metrics.measure_matrix` gives every metric of one matrix; the other modules hold one notion each
and stand on their own. Pure mathematics on a tensor: nothing here knows of models or checkpoints.
"""
