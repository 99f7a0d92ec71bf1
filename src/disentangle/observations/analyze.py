"""All analyses of observations in one call."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from disentangle.claims.evidence import Evidence
from disentangle.claims.examples import counterexamples
from disentangle.claims.judge import judge
from disentangle.claims.ledger import CLAIMS as FINDINGS
from disentangle.claims.ledger import ID, RANK
from disentangle.claims.metric_verdicts import with_verdicts
from disentangle.statistics.compare import Rows, compare_runs
from disentangle.statistics.over_training import over_training
from disentangle.statistics.saturation import judge_runs
from disentangle.statistics.variants import associate_variants
from disentangle.study.sections.statistics import Statistics
from disentangle.tables.comparable import all_checkpoints
from disentangle.tables.estimated import (
    AGREEMENT,
    ASSOCIATIONS,
    CLAIM_TESTS,
    CLAIMS,
    COUNTEREXAMPLES,
    EFFECTS,
    NOISE,
    OVER_TRAINING,
    REGRESSIONS,
    SATURATION,
)
from disentangle.tables.files import to_arrow
from disentangle.tables.passages import NO_PASSAGES, Passages
from disentangle.tables.select import chief_metric, chief_outcome, geometry_metrics, losses
from disentangle.tables.table import Table

TABLES = (
    *(ASSOCIATIONS, REGRESSIONS, SATURATION, AGREEMENT, EFFECTS, NOISE),
    *(OVER_TRAINING, CLAIMS, CLAIM_TESTS, COUNTEREXAMPLES),
)
"""The tables of an `Analysis`, each a field of that name."""


@dataclass(frozen=True)
class Analysis:
    """The tables, as described in `docs/tables.md`."""

    associations: pd.DataFrame
    regressions: pd.DataFrame
    saturation: pd.DataFrame
    agreement: pd.DataFrame
    effects: pd.DataFrame
    noise: pd.DataFrame
    over_training: pd.DataFrame
    claims: pd.DataFrame
    claim_tests: pd.DataFrame
    counterexamples: pd.DataFrame


def analyze(
    observations: pd.DataFrame,
    passages: Passages = NO_PASSAGES,
    *,
    settings: Statistics | None = None,
    domains: Sequence[str] = (),
    finetuned: Mapping[str, str] | None = None,
) -> Analysis:
    """Estimate associations, test for late rises of the loss, and judge the paper's findings.

    The workflow's job `analyze` makes this call.

    Args:
        observations: rows as returned by `adopt`, or a study's observations table.
        passages: losses of single passages, for the errors of differences.
        settings: outcomes, resamples, seed.
        domains: held-out domains whose losses are outcomes; by default all.
        finetuned: fine-tuned variant to the domain of its target.
    """
    settings = settings or Statistics()
    associated, fits = associate_variants(observations, settings, domains)
    late = judge_runs(
        observations,
        passages,
        tolerance=settings.tolerance,
        resamples=settings.resamples,
        seed=settings.seed,
        correlation=settings.error_correlation,
    )
    metrics_agree, choices_do, seeds_change = compare_runs(observations, settings, passages)
    # claims are judged on the values that readers of the tables see
    evidence = Evidence(
        observations=observations,
        associations=_as_written(with_verdicts(associated), ASSOCIATIONS),
        saturation=_as_written(late, SATURATION),
        effects=_as_written(choices_do, EFFECTS),
        passages=passages,
        targets=dict(finetuned or {}),
        resamples=settings.resamples,
        seed=settings.seed,
    )
    claims, tests = judge(FINDINGS, evidence)
    named = counterexamples(evidence, [ID, *evidence.other_losses], RANK)
    return Analysis(
        associations=evidence.associations,
        regressions=_as_written(fits, REGRESSIONS),
        saturation=evidence.saturation,
        agreement=_as_written(metrics_agree, AGREEMENT),
        effects=evidence.effects,
        noise=_as_written(seeds_change, NOISE),
        over_training=_as_written(_over_training(observations, settings), OVER_TRAINING),
        claims=_as_written(claims, CLAIMS),
        claim_tests=_as_written(tests, CLAIM_TESTS),
        counterexamples=_as_written(named, COUNTEREXAMPLES),
    )


def _over_training(observations: pd.DataFrame, settings: Statistics) -> Rows:
    """The chief metric and the chief outcome at each stage of training."""
    checkpoints = all_checkpoints(observations)
    metrics, scores = geometry_metrics(checkpoints), losses(checkpoints)
    if not metrics or not scores:
        return []
    return over_training(
        checkpoints,
        chief_outcome(scores),
        chief_metric(metrics),
        resamples=settings.resamples,
        seed=settings.seed,
    )


def _as_written(rows: Rows | pd.DataFrame, table: Table) -> pd.DataFrame:
    """Rows as they would be read from the table's file."""
    return to_arrow(rows, table).to_pandas()
