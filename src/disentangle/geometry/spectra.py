"""The singular values of a matrix: all that metrics of its spectrum are read off."""

from disentangle.geometry import CENTERED
from disentangle.geometry.decomposition import singular_values
from disentangle.geometry.matrix import Matrix, Record

__all__ = ["spectra"]


def spectra(matrix: Matrix) -> Record:
    """Singular values of a matrix and of it centered, with what else `read_off` wants.

    Returns:
        rows (n), dim (d), stored (name of the type M is stored in); then zero_rows and
        singular_values of M, and of M centered with the suffix CENTERED.
    """
    n, d = matrix.M.shape
    return {
        "rows": n,
        "dim": d,
        "stored": str(matrix.M.dtype).removeprefix("torch."),
        "zero_rows": int((~matrix.M.any(dim=1)).sum()),
        "singular_values": singular_values(matrix.factor).tolist(),
        f"zero_rows{CENTERED}": int((~matrix.centered.any(dim=1)).sum()),
        f"singular_values{CENTERED}": singular_values(matrix.factor_centered).tolist(),
    }
