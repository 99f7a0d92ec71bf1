"""The measurements made on a matrix itself, each keyed by the code that it depends on.

Light to import. If a measurement is added or its code changes, it is made for every matrix; the
results of the others are kept.
"""

from functools import cache

from disentangle.provenance import PACKAGE, computing_code
from disentangle.vocabulary.matrices import KINDS, H, Kind, W

READING = (
    "checkpoint/guard.py",
    "geometry/representations.py",
    "geometry/of_checkpoint.py",
    "geometry/model_matrices.py",
    "geometry/function_level.py",
    "geometry/final_norm.py",
    "geometry/matrix.py",
)
"""The modules that produce the matrices; every measurement depends on them."""

LIBRARIES = ("torch", "transformers", "tokenizers", "numpy", "scipy")
"""Libraries that read a checkpoint and compute with it."""

MEASUREMENTS = {
    "spectra": "geometry/spectra.py",
    "mean_cosine_similarities": "geometry/angles.py",
    "partition_isotropies": "geometry/isotropy.py",
    "column_outliers": "geometry/columns.py",
    "two_nn_dimension": "geometry/two_nn.py",
    "alignments": "geometry/alignment.py",
    "lidar_rank": "geometry/lidar.py",
}
"""Each function of a `Matrix`, and the module that it is in."""

_KINDS = {
    "column_outliers": (W, H),
    "two_nn_dimension": (W, H),
    "alignments": (W, H),
    "lidar_rank": (H,),
}
"""The matrices of which some measurements tell something; the others are of every matrix."""


def made_of(measurement: str, kind: Kind) -> bool:
    """Whether a measurement is made of a matrix; a user's own is made of each."""
    return kind in _KINDS.get(measurement, KINDS)


@cache
def measurement_codes() -> dict[str, str]:
    """Hash of the code, libraries included, that each measurement depends on."""
    return {
        name: computing_code(*(PACKAGE / path for path in (*READING, module)), libraries=LIBRARIES)
        for name, module in MEASUREMENTS.items()
    }
