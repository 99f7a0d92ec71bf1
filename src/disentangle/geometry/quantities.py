"""What is measured of a matrix itself, each quantity kept apart by the code that it depends on.

Light to import. A quantity that is added, or whose code changes, is measured of every matrix; the
others stay as they are.
"""

from functools import cache

from disentangle.provenance import PACKAGE, computing_code

READING = (
    "checkpoint/guard.py",
    "geometry/representations.py",
    "geometry/matrices.py",
    "geometry/matrix.py",
)
"""The modules by which W and H come to be: every quantity depends on them."""

LIBRARIES = ("torch", "transformers", "tokenizers", "numpy")
"""What reads a checkpoint and computes with it."""

QUANTITIES = {
    "spectra": "geometry/spectra.py",
    "mean_cosine_similarities": "geometry/angles.py",
    "partition_isotropies": "geometry/isotropy.py",
}
"""Function of a `Matrix` to the module that it is in."""


@cache
def quantity_codes() -> dict[str, str]:
    """Hash of the code, libraries included, that each quantity depends on."""
    return {
        name: computing_code(*(PACKAGE / path for path in (*READING, module)), libraries=LIBRARIES)
        for name, module in QUANTITIES.items()
    }
