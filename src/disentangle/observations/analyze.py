"""Everything that follows from observations, in one call."""

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from disentangle.claims.evidence import Evidence
from disentangle.claims.examples import counterexamples
from disentangle.claims.judge import judge
from disentangle.claims.ledger import ID, RANK
from disentangle.statistics.compare import Rows, compare_runs
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
from disentangle.tables.files import to_arrow
from disentangle.tables.table import Table


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
    associations, saturation = (
        _as_written(associations, ASSOCIATIONS),
        _as_written(late, SATURATION),
    )
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
        regressions=_as_written(fits, REGRESSIONS),
        saturation=saturation,
        agreement=_as_written(agreement, AGREEMENT),
        effects=_as_written(effects, EFFECTS),
        noise=_as_written(noise, NOISE),
        claims=_as_written(claims, CLAIMS),
        claim_tests=_as_written(tests, CLAIM_TESTS),
        counterexamples=_as_written(named, COUNTEREXAMPLES),
    )


def _as_written(rows: Rows | pd.DataFrame, table: Table) -> pd.DataFrame:
    """Rows as they would be read from the table's file."""
    return to_arrow(rows, table).to_pandas()
