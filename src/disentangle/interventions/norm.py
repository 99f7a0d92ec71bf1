"""Move the norm of W, and leave its effective rank."""

import torch

from disentangle.interventions.projected_spectrum import ProjectedSpectrum

__all__ = ["push_norm"]


def push_norm(W: torch.Tensor, spectrum: ProjectedSpectrum, rms: float) -> ProjectedSpectrum:
    """W <- s W, in place: the root mean square of the entries of W~ becomes `rms`.

    Returns:
        The spectrum after the push.
    """
    factor = rms / spectrum.rms
    W *= factor
    return ProjectedSpectrum(spectrum.sigma * factor, spectrum.vectors, spectrum.rows)
