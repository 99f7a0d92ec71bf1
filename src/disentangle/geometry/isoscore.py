"""IsoScore: how evenly points fill the dimensions of their space (Rudman et al. 2022)."""

from disentangle.geometry.effective_ranks import Spectrum, participation_ratio

__all__ = ["isoscore_of_spectrum"]


def isoscore_of_spectrum(sigma: Spectrum, d: int) -> float:
    """IsoScore of n points in d dimensions whose centered matrix has singular values `sigma`.

    Rudman et al. define v = the d eigenvalues of the covariance, v^ = sqrt(d) v / ||v||,
    delta = ||v^ - 1|| / sqrt(2 (d - sqrt d)), and

        ((d - delta^2 (d - sqrt d))^2 - d) / (d (d - 1)).

    Since ||v^||^2 = d, the first difference, d - delta^2 (d - sqrt d), is sum(v^). So the score is
    (P - 1) / (d - 1), where P = (sum v)^2 / sum v^2 is the participation ratio of the centered
    matrix: for a given d, the score and P rank matrices in the same order. NaN for d = 1 and for
    sigma = 0.
    """
    return (participation_ratio(sigma) - 1) / (d - 1) if d > 1 else float("nan")
