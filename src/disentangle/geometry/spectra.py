"""The singular values of a matrix, from which all metrics of its spectrum are computed."""

from disentangle.geometry import CENTERED
from disentangle.geometry.matrix import Matrix, Record

__all__ = ["spectra"]


def spectra(matrix: Matrix) -> Record:
    """Singular values of a matrix before and after centering, and what else `read_off` needs.

    Returns:
        rows (n), dim (d), stored (name of M's storage type), space (see `Matrix`); then zero_rows
        and singular_values of M, and of the centered M with the suffix CENTERED if it is measured
        too.
    """
    n, d = matrix.M.shape
    measured: Record = {
        "rows": n,
        "dim": d,
        "stored": matrix.stored,
        "space": matrix.space,
        "zero_rows": int((~matrix.M.any(dim=1)).sum()),
        "singular_values": matrix.decomposed[0].tolist(),
    }
    if matrix.centered_too:
        measured |= {
            f"zero_rows{CENTERED}": int((~matrix.centered.any(dim=1)).sum()),
            f"singular_values{CENTERED}": matrix.decomposed_centered[0].tolist(),
        }
    return measured
