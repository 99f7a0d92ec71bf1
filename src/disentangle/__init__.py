"""Disentangle: does the geometry of a language model's weights tell how good it is?

The package follows the data: `study` (configuration to runs), `corpus`, `training`,
`checkpoint`, `geometry`, `evaluation`, `tables`, `statistics`, `figures`, `report`.
Snakemake calls it through one thin script a rule; none of it needs Snakemake.
"""

__version__ = "0.1.0"
