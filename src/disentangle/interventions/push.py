"""A run's intervention as what happens to W after an optimizer step."""

import math
from dataclasses import dataclass

import numpy as np
import torch

from disentangle.interventions.gauge import push_gauge, unprojected_rank
from disentangle.interventions.norm import push_norm
from disentangle.interventions.projected_spectrum import ProjectedSpectrum, projected_spectrum
from disentangle.interventions.rotation import push_rotation
from disentangle.interventions.spectrum import push_spectrum
from disentangle.study.run import Run
from disentangle.study.sections.interventions import (
    Factor,
    Gauge,
    InitialSpectrum,
    Intervention,
    Norm,
    Rotate,
    Spectrum,
    dose_of,
)

__all__ = ["Push", "Pushed"]


@dataclass(frozen=True)
class Pushed:
    """W after a step, for the training log."""

    effective_rank: float
    """R(W~)."""
    norm: float
    """||W~||_F."""
    size: float
    """Norm of the change of W by the push over the norm of W before it; 0 if there was none."""


@dataclass
class Push:
    """The intervention of a run.

    Like decoupled weight decay, a push acts on the weights beside the optimizer, whose moments do
    not see it. It depends on W, the step, the run's seed and its initial W alone, so a resumed run
    is the same.
    """

    does: Intervention
    rows: int
    """Rows of W in use."""
    seed: int
    start: float = math.nan
    """What a controlled quantity is in the initial W."""

    @classmethod
    def of(cls, run: Run) -> "Push | None":
        """The intervention of a run, if it has one."""
        arm = run.hyperparameters.arm
        return Push(arm.does, run.vocabulary, run.hyperparameters.seed) if arm else None

    def begin(self, W: torch.Tensor) -> None:
        """Note what the initial W (all rows x d) is, or change it in place.

        A resumed run begins with the same initial W, before its state is restored.
        """
        with torch.no_grad():
            spectrum, d = projected_spectrum(W, self.rows), W.shape[1]
            match self.does:
                case InitialSpectrum():
                    push_spectrum(W, spectrum, self.does.target * (d - 1))
                case Spectrum():
                    self.start = spectrum.effective_rank / (d - 1)
                case Norm():
                    self.start = spectrum.rms
                case Gauge():
                    self.start = unprojected_rank(W, self.rows) / d

    def after_step(self, W: torch.Tensor, step: int) -> Pushed | None:
        """Push W (all rows x d), in place, after an optimizer step, counted from 1.

        Returns:
            What is logged; None at steps without a push, since measuring costs as much as pushing.
        """
        if step % getattr(self.does, "every", 1):
            return None
        with torch.no_grad():
            before = W.clone()
            spectrum = self._push(W, projected_spectrum(W, self.rows), step)
            size = float((W - before).norm() / before.norm())
        return Pushed(spectrum.effective_rank, spectrum.norm, size)

    def _push(self, W: torch.Tensor, spectrum: ProjectedSpectrum, step: int) -> ProjectedSpectrum:
        """Push, and give the spectrum after it: the same one where the push leaves it."""
        does, d = self.does, W.shape[1]
        match does:
            case Spectrum():
                return push_spectrum(W, spectrum, self._due(does, step) * (d - 1))
            case Norm():
                return push_norm(W, spectrum, self._due(does, step))
            case Rotate():
                push_rotation(W, spectrum, does.size, np.random.default_rng([self.seed, step]))
            case Gauge():
                v = torch.from_numpy(np.random.default_rng(self.seed).standard_normal(d))
                v = (v / v.norm()).to(W.device)
                push_gauge(W, self.rows, v, self._due(does, step) * d)
            case InitialSpectrum() | Factor():
                pass
        return spectrum

    def _due(self, does: Spectrum | Norm | Gauge, step: int) -> float:
        """What a controlled quantity is to be at a step: on its way, then at its target."""
        left = (1 - does.pull) ** (step // does.every)
        return float(dose_of(does) ** (1 - left) * self.start**left)
