"""Disentangle: does the geometry of a language model's weights tell how good it is?

    from disentangle import measure, measure_all, measure_model, analyze

`measure` gives every metric of a matrix or of a model's unembedding, `measure_all` those of every
matrix of a model, `measure_model` those of the matrices that need text, `analyze` every estimate
from a table of models. The package follows the data: `study` (configuration to runs), `corpus`,
`training`, `checkpoint`, `geometry`, `evaluation`, `tables`, `statistics`, `figures`, `report`.
Snakemake calls it through one thin script a rule; none of it needs Snakemake.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from disentangle.geometry.of_any import measure
    from disentangle.geometry.of_folder import measure_all
    from disentangle.geometry.of_model import measure_model
    from disentangle.observations.analyze import analyze

__all__ = ["analyze", "measure", "measure_all", "measure_model"]

__version__ = "1.0.0"

_PLACES = {
    "analyze": "disentangle.observations.analyze",
    "measure": "disentangle.geometry.of_any",
    "measure_all": "disentangle.geometry.of_folder",
    "measure_model": "disentangle.geometry.of_model",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for: Snakemake reads studies in every job, and needs none of it."""
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_PLACES[name]), name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
