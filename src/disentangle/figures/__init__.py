"""The figures of a study, drawn from tables alone: one module per figure."""

from collections.abc import Mapping

import pandas as pd
from matplotlib.figure import Figure

from disentangle.checkpoint.references import BASE
from disentangle.figures.associations import associations_figure
from disentangle.figures.causal_slopes import causal_slopes
from disentangle.figures.compression import compression
from disentangle.figures.dose_and_response import dose_and_response
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
from disentangle.figures.text_noise import text_noise_figure
from disentangle.figures.training_choices import training_choices
from disentangle.figures.training_curves import training_curves
from disentangle.study.perturbation import compressions, variants
from disentangle.study.run import Run
from disentangle.study.sections.perturbation import Perturbation
from disentangle.tables.comparable import final_runs


def draw(
    runs: dict[str, Run],
    observations: pd.DataFrame,
    associations: pd.DataFrame,
    agreement: pd.DataFrame,
    over_training: pd.DataFrame,
    training: pd.DataFrame | None,
    perturbation: Perturbation,
    layers: pd.DataFrame | None,
    slopes: pd.DataFrame | None,
    findings: Mapping[str, pd.DataFrame],
) -> dict[str, Figure]:
    """Draw all figures for which the study has data, by name.

    `findings` are the tables of neighbouring papers' findings that the study looks for. Runs under
    an intervention are drawn in the experiment's figures alone.
    """
    everything = observations
    runs = {name: run for name, run in runs.items() if not run.hyperparameters.arm}
    observations = observations[observations["arm"].fillna("") == ""]
    figures = {
        "rank_over_training": rank_over_training(runs, observations),
        "metric_agreement": metric_agreement(agreement),
        "associations": associations_figure(associations),
        "raw_and_controlled": raw_and_controlled(associations),
        "rank_and_loss": rank_and_loss(observations, list(associations["outcome"])),
    }
    if training is not None:
        of_runs = training[training["run"].isin(list(runs))]
        figures["training_curves"] = training_curves(runs, of_runs)
        figures["rank_and_regime"] = rank_and_regime(over_training)
        figures["training_choices"] = training_choices(runs, observations)
    if variants(perturbation):
        figures["perturbations"] = perturbations(observations, perturbation)
    if layers is not None:
        figures["layer_convergence"] = layer_convergence(runs, layers)
    if slopes is not None:
        figures["dose_and_response"] = dose_and_response(everything)
        figures["causal_slopes"] = causal_slopes(slopes)
        figures["rank_by_arm"] = rank_by_arm(everything)
    if "matched_effects" in findings:
        figures["matched_loss"] = matched_loss(findings["matched_effects"])
    if "plasticity" in findings:
        last = final_runs(observations, BASE)
        figures["plasticity"] = plasticity_figure(findings["plasticity"], last)
    if "text_noise" in findings:
        figures["text_noise"] = text_noise_figure(findings["text_noise"])
    if "scaling_predictions" in findings:
        components, predictions = findings["scaling_components"], findings["scaling_predictions"]
        figures["scaling"] = scaling(components, predictions)
    if "compressed" in findings and compressions(perturbation):
        figures["compression"] = compression(findings["compressed"])
    return figures
