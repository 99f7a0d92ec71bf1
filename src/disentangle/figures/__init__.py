"""The figures of a study, drawn from tables alone: one module per figure."""

from collections.abc import Callable

from matplotlib.figure import Figure

from disentangle.figures.associations import associations_figure
from disentangle.figures.causal_slopes import causal_slopes
from disentangle.figures.compression import compression
from disentangle.figures.dose_and_response import dose_and_response
from disentangle.figures.late_rises import late_rises
from disentangle.figures.layer_convergence import layer_convergence
from disentangle.figures.matched_loss import matched_loss
from disentangle.figures.metric_agreement import metric_agreement
from disentangle.figures.perturbations import perturbations
from disentangle.figures.plasticity import plasticity_figure
from disentangle.figures.rank_and_loss import rank_and_loss
from disentangle.figures.rank_and_regime import rank_and_regime
from disentangle.figures.rank_by_arm import rank_by_arm
from disentangle.figures.rank_over_training import rank_over_training
from disentangle.figures.raw_and_controlled import raw_and_controlled
from disentangle.figures.scaling import scaling
from disentangle.figures.suite import Suite
from disentangle.figures.text_noise import text_noise_figure
from disentangle.figures.training_choices import training_choices
from disentangle.figures.training_curves import training_curves

FIGURES: dict[str, Callable[[Suite], Figure]] = {
    "training_curves": lambda suite: training_curves(suite.runs, suite.logs),
    "training_choices": lambda suite: training_choices(suite.runs, suite.observations),
    "rank_and_loss": lambda suite: rank_and_loss(
        suite.observations, list(suite.table("associations")["outcome"])
    ),
    "rank_over_training": lambda suite: rank_over_training(suite.runs, suite.observations),
    "rank_and_regime": lambda suite: rank_and_regime(suite.table("over_training")),
    "late_rises": lambda suite: late_rises(suite.runs, suite.table("saturation")),
    "metric_agreement": lambda suite: metric_agreement(suite.table("agreement")),
    "associations": lambda suite: associations_figure(suite.table("associations")),
    "raw_and_controlled": lambda suite: raw_and_controlled(suite.table("associations")),
    "perturbations": lambda suite: perturbations(suite.observations, suite.perturbation),
    "layer_convergence": lambda suite: layer_convergence(suite.runs, suite.table("layers")),
    "matched_loss": lambda suite: matched_loss(suite.table("matched_effects")),
    "plasticity": lambda suite: plasticity_figure(suite.table("plasticity"), suite.last),
    "text_noise": lambda suite: text_noise_figure(suite.table("text_noise")),
    "scaling": lambda suite: scaling(
        suite.table("scaling_components"), suite.table("scaling_predictions")
    ),
    "compression": lambda suite: compression(suite.table("compressed")),
    "dose_and_response": lambda suite: dose_and_response(suite.table("observations")),
    "causal_slopes": lambda suite: causal_slopes(suite.table("causal_slopes")),
    "rank_by_arm": lambda suite: rank_by_arm(suite.table("observations")),
}
"""Every figure by name, in the report's order; `Jobs.figures` says which of them a study has."""
