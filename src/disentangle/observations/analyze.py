"""Everything that follows from observations, in one call."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from disentangle.claims.evidence import Evidence
from disentangle.claims.examples import counterexamples
from disentangle.claims.judge import judge
from disentangle.claims.ledger import ID, RANK
from disentangle.statistics.compare import compare_runs
from disentangle.statistics.saturation import judge_runs
from disentangle.statistics.variants import associate_variants
from disentangle.study.sections.statistics import Statistics
from disentangle.tables.estimated import (
    AGREEMENT,
    ASSOCIATIONS,
    CLAIM_TESTS,
    CLAIMS,
    COUNTEREXAMPLES,
    EFFECTS,
    NOISE,
    REGRESSIONS,
    SATURATION,
)
from disentangle.tables.files import as_table


@dataclass(frozen=True)
class Analysis:
    """Tables as `docs/tables.md` describes them."""

    associations: pd.DataFrame
    regressions: pd.DataFrame
    saturation: pd.DataFrame
    agreement: pd.DataFrame
    effects: pd.DataFrame
    noise: pd.DataFrame
    claims: pd.DataFrame
    claim_tests: pd.DataFrame
    counterexamples: pd.DataFrame


def analyze(
    observations: pd.DataFrame,
    *,
    settings: Statistics | None = None,
    finetuned: Mapping[str, str] | None = None,
) -> Analysis:
    """Estimate associations, judge late rises of the loss, hold the paper's findings against both.

    Args:
        observations: rows as `adopt` gives them, or a study's observations table.
        settings: outcomes, resamples, seed.
        finetuned: variant that was fine-tuned to the domain it was fine-tuned on.

    Returns:
        The tables that the workflow writes from the same observations, number for number.
    """
    settings = settings or Statistics()
    associations, fits = associate_variants(observations, settings)
    late = judge_runs(
        observations,
        tolerance=settings.tolerance,
        resamples=settings.resamples,
        seed=settings.seed,
    )
    associations, saturation = as_table(associations, ASSOCIATIONS), as_table(late, SATURATION)
    evidence = Evidence(
        observations=observations,
        associations=associations,
        saturation=saturation,
        targets=dict(finetuned or {}),
        resamples=settings.resamples,
        seed=settings.seed,
    )
    claims, tests = judge(evidence)
    named = counterexamples(evidence, [ID, *evidence.other_losses], RANK)
    agreement, effects, noise = compare_runs(observations, settings)
    return Analysis(
        associations=associations,
        regressions=as_table(fits, REGRESSIONS),
        saturation=saturation,
        agreement=as_table(agreement, AGREEMENT),
        effects=as_table(effects, EFFECTS),
        noise=as_table(noise, NOISE),
        claims=as_table(claims, CLAIMS),
        claim_tests=as_table(tests, CLAIM_TESTS),
        counterexamples=as_table(named, COUNTEREXAMPLES),
    )
