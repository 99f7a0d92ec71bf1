"""What is measured, each thing said once: metrics of a matrix, and scores of a model.

A column's meaning, bounds, unit and label come from here, whether it is made, read, drawn or told.
"""
