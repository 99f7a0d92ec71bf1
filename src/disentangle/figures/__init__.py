"""The figures of a study, drawn from tables alone: one module per figure."""

import pandas as pd
from matplotlib.figure import Figure

from disentangle.figures.associations import associations_figure
from disentangle.figures.layer_convergence import layer_convergence
from disentangle.figures.metric_agreement import metric_agreement
from disentangle.figures.perturbations import perturbations
from disentangle.figures.rank_and_loss import rank_and_loss
from disentangle.figures.rank_and_regime import rank_and_regime
from disentangle.figures.rank_over_training import rank_over_training
from disentangle.figures.training_choices import training_choices
from disentangle.figures.training_curves import training_curves
from disentangle.study.perturbation import variants
from disentangle.study.run import Run
from disentangle.study.sections.perturbation import Perturbation


def draw(
    runs: dict[str, Run],
    observations: pd.DataFrame,
    associations: pd.DataFrame,
    agreement: pd.DataFrame,
    over_training: pd.DataFrame,
    training: pd.DataFrame | None,
    perturbation: Perturbation,
    layers: pd.DataFrame | None,
) -> dict[str, Figure]:
    """Draw all figures for which the study has data, by name."""
    figures = {
        "rank_over_training": rank_over_training(runs, observations),
        "metric_agreement": metric_agreement(agreement),
        "associations": associations_figure(associations),
        "rank_and_loss": rank_and_loss(observations),
    }
    if training is not None:
        figures["training_curves"] = training_curves(runs, training)
        figures["rank_and_regime"] = rank_and_regime(over_training)
        figures["training_choices"] = training_choices(runs, observations)
    if variants(perturbation):
        figures["perturbations"] = perturbations(observations, perturbation)
    if layers is not None:
        figures["layer_convergence"] = layer_convergence(runs, layers)
    return figures
