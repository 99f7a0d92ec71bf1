"""Whether a few components of a suite's task scores predict further tasks, beyond compute.

Observational scaling (Ruan, Maddison & Hashimoto 2024, arXiv 2405.10938): models of any origin lie
near a low-dimensional space of abilities, and a task's score is a sigmoid of the place in it. The
space is found by principal components of a table of models x tasks. Here the components are besides
compared with compute alone, and with the rank of W added to them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.optimize import least_squares
from scipy.special import expit, logit

from disentangle.checkpoint.references import BASE
from disentangle.neighbours.suite import Suite
from disentangle.statistics.bootstrap import Floats, bootstrap_estimate
from disentangle.statistics.design import families
from disentangle.study.sections.observations import KNOWN
from disentangle.tables.collected import OBSERVATIONS
from disentangle.tables.comparable import final_runs
from disentangle.tables.neighbours import SCALING_COMPONENTS, SCALING_PREDICTIONS
from disentangle.tables.select import chief_metric, geometry_metrics
from disentangle.vocabulary.metrics import is_metric
from disentangle.vocabulary.scores import CHANGE, LESS_IS_BETTER, STDERR

COMPONENTS = 3
"""As in the paper, unless there are fewer tasks to take them from."""

FEWEST_TASKS = 4
"""Three for the components, and one to predict."""

FEWEST_BELOW = 10
"""Models at or below the cutoff, on which a link with up to six parameters is fitted."""

FEWEST_BEYOND = 5
"""Models beyond the cutoff."""

CUTOFF = 0.7
"""Links are fitted on models with at most this quantile of compute, or of the date of release, and
predict the others."""

BY_COMPUTE, BY_DATE = "compute", "released"
"""What a cutoff is in: columns of the observations. The first decides claims."""

KNOWN_SHARE = 0.5
"""A model is left out if it has fewer of the tasks than this."""

HIGHEST_FLOOR = 0.5
"""Of a link: what guessing reaches where there are two answers."""

COMPUTE, ABILITY, GEOMETRY = "compute", "components", "components and rank of W"
"""What a score is predicted from."""


def tables_of(suite: Suite) -> dict[str, pd.DataFrame]:
    """The tables `scaling_components` and `scaling_predictions`; empty with too few tasks."""
    models = final_runs(suite.observations, BASE)
    tasks = tasks_of(models)
    scores = models[tasks].to_numpy(np.float64)
    models = models[np.isfinite(scores).mean(axis=1) >= KNOWN_SHARE] if tasks else models[:0]
    components = pd.DataFrame(columns=SCALING_COMPONENTS.schema.names)
    predictions = pd.DataFrame(columns=SCALING_PREDICTIONS.schema.names)
    if len(tasks) >= FEWEST_TASKS and len(models) >= FEWEST_BELOW:
        components = _component_rows(models, tasks, suite)
        predictions = _prediction_rows(models, tasks)
    return {"scaling_components": components, "scaling_predictions": predictions}


def tasks_of(models: pd.DataFrame) -> list[str]:
    """The columns with a task's score: shares that are higher for better models, and not constant.

    Of two accuracies of one task the one by length is taken, as two versions of one task would be
    a component of their own.
    """
    described = {*KNOWN, *(name for name, *_ in OBSERVATIONS.columns)}
    found = []
    for name in models.columns:
        if name in described or is_metric(name) or f"{name}_norm" in models:
            continue
        if name.endswith((STDERR, CHANGE, *LESS_IS_BETTER)):
            continue
        values = models[name].dropna()
        if values.between(0, 1).all() and values.nunique() > 1:
            found.append(name)
    return found


@dataclass(frozen=True)
class Components:
    """Principal components of models x tasks, centred and not scaled."""

    scale_means: Floats
    """Of the observed scores, by which missing ones are imputed; shape (tasks,)."""
    scale_deviations: Floats
    imputing: Floats
    """The first direction of the standardised scores, of length 1; shape (tasks,)."""
    imputing_means: Floats
    """Means of the standardised scores with missing ones imputed; shape (tasks,)."""
    means: Floats
    """Of the scores, missing ones imputed; shape (tasks,)."""
    loadings: Floats
    """Of length 1 each, in sum not negative; shape (components, tasks)."""

    def completed(self, scores: Floats) -> Floats:
        """Scores with missing ones imputed, shape (models, tasks).

        The place t of a model on the imputing direction v is the least squares fit to the scores it
        has, t = v.(z - m) / v.v over these; a missing score is m + t v, in the scores' unit and
        between 0 and 1.
        """
        known = np.isfinite(scores)
        z = np.where(known, (scores - self.scale_means) / self.scale_deviations, 0.0)
        centred = np.where(known, z - self.imputing_means, 0.0)
        of_known = np.maximum((known * self.imputing**2).sum(axis=1), np.finfo(np.float64).tiny)
        place = centred @ self.imputing / of_known
        filled = self.imputing_means + place[:, None] * self.imputing
        missing = np.clip(filled * self.scale_deviations + self.scale_means, 0.0, 1.0)
        return np.where(known, scores, missing)

    def of(self, scores: Floats) -> Floats:
        """The components of models, shape (models, components)."""
        return np.asarray((self.completed(scores) - self.means) @ self.loadings.T)


def components_of(scores: Floats, count: int = COMPONENTS) -> Components:
    """Components of a table of models x tasks with missing scores, as in the paper's section 3.

    Missing scores are imputed by one principal component of the standardised scores: they begin as
    means, and are replaced by what the component says of them, until nothing changes (iterative
    PCA). The components are then those of the completed scores, centred, in their own unit.

    Args:
        scores: shape (models, tasks), NaN where missing. Each task has two different scores.
        count: how many components are kept.
    """
    known = np.isfinite(scores)
    means, deviations = np.nanmean(scores, axis=0), np.nanstd(scores, axis=0)
    z = np.where(known, (scores - means) / deviations, 0.0)
    for _ in range(1000):
        centre = z.mean(axis=0)
        first = np.linalg.svd(z - centre, full_matrices=False)[2][0]
        filled = centre + np.outer((z - centre) @ first, first)
        change = np.max(np.abs(np.where(known, 0.0, filled - z)))
        z = np.where(known, z, filled)
        if change < 1e-9:
            break
    completed = np.where(known, scores, np.clip(z * deviations + means, 0.0, 1.0))
    imputing_means, centre = z.mean(axis=0), completed.mean(axis=0)
    rows = np.linalg.svd(completed - centre, full_matrices=False)[2]
    rows = rows * np.where(rows.sum(axis=1, keepdims=True) < 0, -1.0, 1.0)
    return Components(
        scale_means=means,
        scale_deviations=deviations,
        imputing=first,
        imputing_means=imputing_means,
        means=centre,
        loadings=rows[:count],
    )


def shares(completed: Floats, weights: Floats) -> Floats:
    """Shares of the variance that the components explain, the largest first.

    Args:
        completed: shape (models, tasks), without missing scores.
        weights: of the models, shape (resamples, models).

    Returns:
        Shape (resamples, tasks); NaN where the scores are constant.
    """
    total = weights.sum(axis=1)
    means = weights @ completed / total[:, None]
    products = np.einsum("rm,mi,mj->rij", weights, completed, completed, optimize=True)
    covariance = products / total[:, None, None] - np.einsum("ri,rj->rij", means, means)
    values = np.linalg.eigvalsh(covariance)[:, ::-1]
    whole = np.broadcast_to(values.sum(axis=1, keepdims=True), values.shape)
    unknown = np.full_like(values, np.nan)
    return np.divide(values, whole, out=unknown, where=whole > 1e-15)


@dataclass(frozen=True)
class Link:
    """A task's score as a sigmoid of predictors: g + (1 - g) / (1 + exp(-(a + b.x)))."""

    floor: float
    """g, between 0 and 0.5."""
    intercept: float
    slopes: Floats
    """b, shape (predictors,)."""

    def of(self, predictors: Floats) -> Floats:
        """Predicted scores of models, shape (models,)."""
        score = expit(self.intercept + predictors @ self.slopes)
        return np.asarray(self.floor + (1 - self.floor) * score)


def fit_link(predictors: Floats, scores: Floats) -> Link:
    """The link with the least squared error, as in the paper's equation for downstream tasks.

    Args:
        predictors: shape (models, predictors); not constant.
        scores: between 0 and 1, shape (models,).
    """
    means, deviations = predictors.mean(axis=0), predictors.std(axis=0)
    deviations = np.where(deviations > 0, deviations, 1.0)
    x = (predictors - means) / deviations
    design = np.column_stack([np.ones(len(x)), x])

    def error(parameters: Floats) -> Floats:
        floor = parameters[0]
        return np.asarray(floor + (1 - floor) * expit(design @ parameters[1:]) - scores)

    fits = []
    for floor in (0.0, 0.9 * min(float(scores.min()), HIGHEST_FLOOR)):
        above = np.clip((scores - floor) / (1 - floor), 0.01, 0.99)
        start = np.linalg.lstsq(design, logit(above), rcond=None)[0]
        bounds = ([0.0, *[-np.inf] * len(start)], [HIGHEST_FLOOR, *[np.inf] * len(start)])
        fits.append(least_squares(error, [floor + 1e-6, *start], bounds=bounds))
    floor, intercept, *slopes = min(fits, key=lambda fit: float(fit.cost)).x
    by_unit = np.asarray(slopes) / deviations
    return Link(float(floor), float(intercept - means @ by_unit), by_unit)


def _component_rows(models: pd.DataFrame, tasks: Sequence[str], suite: Suite) -> pd.DataFrame:
    scores = models[list(tasks)].to_numpy(np.float64)
    found = components_of(scores)
    completed, family = found.completed(scores), families(models)
    rows = []
    for number, loadings in enumerate(found.loadings):

        def share(weights: Floats, number: int = number) -> Floats:
            return shares(completed, weights)[:, number]

        explained = bootstrap_estimate(share, family, resamples=suite.resamples, seed=suite.seed)
        rows += [
            {
                "component": number + 1,
                "explained": explained.value,
                "explained_low": explained.low,
                "explained_high": explained.high,
                "models": len(models),
                "task": task,
                "loading": float(loading),
                "imputed": int(np.isnan(scores[:, k]).sum()),
                "note": explained.note,
            }
            for k, (task, loading) in enumerate(zip(tasks, loadings, strict=True))
        ]
    return pd.DataFrame(rows)


def training_compute(models: pd.DataFrame) -> Floats:
    """FLOPs of training; 6 N D with the weights of the blocks, where they are not known."""
    known = models["compute"].to_numpy(np.float64)
    tokens = models["tokens"].fillna(models["tokens_budget"]).to_numpy(np.float64)
    return np.where(
        np.isfinite(known), known, 6 * models["params_non_embedding"].to_numpy(np.float64) * tokens
    )


def _prediction_rows(models: pd.DataFrame, tasks: Sequence[str]) -> pd.DataFrame:
    """Each task's scores predicted from the other tasks' components, and from compute.

    Components and links are made of the models at or below the cutoff alone. A cutoff by date takes
    part where the release of some models is known, and leaves the others out.
    """
    compute = training_compute(models)
    models = models.assign(**{BY_COMPUTE: compute})[np.isfinite(compute)]
    found = [_beyond(models, tasks, BY_COMPUTE)]
    if BY_DATE in models and models[BY_DATE].notna().any():
        found.append(_beyond(models.dropna(subset=[BY_DATE]), tasks, BY_DATE))
    return pd.concat(found, ignore_index=True)


def _beyond(models: pd.DataFrame, tasks: Sequence[str], by: str) -> pd.DataFrame:
    """The same for one cutoff, in a column without missing values."""
    compute, order = models[BY_COMPUTE].to_numpy(np.float64), models[by].to_numpy(np.float64)
    metrics = geometry_metrics(models)
    rank = models[chief_metric(metrics)].to_numpy(np.float64) if metrics else None
    cutoff = float(np.quantile(order, CUTOFF, method="lower")) if len(order) else 0.0
    family = families(models) if len(models) else np.array([])
    found = []
    for target in tasks:
        others = [task for task in tasks if task != target]
        scores = models[target].to_numpy(np.float64)
        of_others = models[others].to_numpy(np.float64)
        known = np.isfinite(scores) & np.isfinite(of_others).any(axis=1)
        known &= np.isfinite(rank) if rank is not None else True
        below = known & (order <= cutoff)
        beyond = known & (order > cutoff)
        if below.sum() < FEWEST_BELOW or beyond.sum() < FEWEST_BEYOND:
            continue
        usable = np.nanstd(of_others[below], axis=0) > 0
        if usable.sum() < FEWEST_TASKS - 1 or np.ptp(scores[below]) == 0:
            continue
        of_others = of_others[:, usable]
        components = components_of(of_others[below], COMPONENTS)
        ability = components.of(of_others)
        predictors = {COMPUTE: np.log10(compute)[:, None], ABILITY: ability}
        if rank is not None:
            predictors[GEOMETRY] = np.column_stack([ability, rank])
        for name, x in predictors.items():
            link = fit_link(x[below], scores[below])
            found.append(
                pd.DataFrame(
                    {
                        "task": target,
                        "predictors": name,
                        "run": models["run"].to_numpy()[known],
                        "family": family[known],
                        "cutoff": by,
                        "compute": compute[known],
                        "beyond": beyond[known],
                        "observed": scores[known],
                        "predicted": link.of(x[known]),
                    }
                )
            )
    if not found:
        return pd.DataFrame(columns=SCALING_PREDICTIONS.schema.names)
    return pd.concat(found, ignore_index=True)
