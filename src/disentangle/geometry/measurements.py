"""What is measured of a matrix itself. Each measurement is keyed by the code it depends on.

Light to import. A measurement that is added, or whose code changes, is made of every matrix; the
others are kept.
"""

from functools import cache

from disentangle.provenance import PACKAGE, computing_code

READING = (
    "checkpoint/guard.py",
    "geometry/representations.py",
    "geometry/of_checkpoint.py",
    "geometry/matrix.py",
)
"""The modules by which W and H come to be: every measurement depends on them."""

LIBRARIES = ("torch", "transformers", "tokenizers", "numpy")
"""What reads a checkpoint and computes with it."""

MEASUREMENTS = {
    "spectra": "geometry/spectra.py",
    "mean_cosine_similarities": "geometry/angles.py",
    "partition_isotropies": "geometry/isotropy.py",
}
"""Function of a `Matrix` to the module that it is in."""


@cache
def measurement_codes() -> dict[str, str]:
    """Hash of the code, libraries included, that each measurement depends on."""
    return {
        name: computing_code(*(PACKAGE / path for path in (*READING, module)), libraries=LIBRARIES)
        for name, module in MEASUREMENTS.items()
    }
