"""Definitions of metrics of a matrix and scores of a model.

All uses of a column take its meaning, bounds, unit and label from here.
"""
