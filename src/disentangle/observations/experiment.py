"""All that an experiment on W shows, in one call."""

from dataclasses import dataclass

import pandas as pd

from disentangle.causal.estimate import estimate_causal
from disentangle.causal.settings import CausalSettings
from disentangle.claims.causal import CAUSAL_CLAIMS as LEDGER
from disentangle.claims.causal_evidence import CausalEvidence
from disentangle.claims.causal_readings import readings
from disentangle.claims.judge import judge
from disentangle.study.sections.statistics import Statistics
from disentangle.tables.causal import (
    ARM_EFFECTS,
    CAUSAL_ARMS,
    CAUSAL_CLAIM_TESTS,
    CAUSAL_CLAIMS,
    CAUSAL_READINGS,
    CAUSAL_SLOPES,
)
from disentangle.tables.files import to_arrow
from disentangle.tables.select import chief_outcome, losses

TABLES = (
    *(CAUSAL_ARMS, ARM_EFFECTS, CAUSAL_SLOPES),
    *(CAUSAL_CLAIMS, CAUSAL_CLAIM_TESTS, CAUSAL_READINGS),
)
"""The tables of an `Experiment`, each a field of that name."""


@dataclass(frozen=True)
class Experiment:
    """The tables, as described in `docs/tables.md`."""

    causal_arms: pd.DataFrame
    arm_effects: pd.DataFrame
    causal_slopes: pd.DataFrame
    causal_claims: pd.DataFrame
    causal_claim_tests: pd.DataFrame
    causal_readings: pd.DataFrame


def analyze_experiment(
    observations: pd.DataFrame,
    *,
    settings: Statistics | None = None,
    surgery: pd.DataFrame | None = None,
) -> Experiment:
    """Estimate the effects of arms and the slopes on rank, and judge the causal claims.

    The workflow's job `analyze_experiment` makes this call.

    Args:
        observations: a study's observations table.
        settings: outcomes, bound, seed.
        surgery: the table of surgery, if checkpoints were operated on.

    Raises:
        StudyError: if the arms of a cell are not what they say; see `causal.panel.panels`.
    """
    settings = settings or Statistics()
    found = settings.outcomes or losses(observations)
    first = chief_outcome(found)
    causal = CausalSettings(
        outcomes=(first, *(name for name in found if name != first)),
        bound=settings.bound,
        seed=settings.seed,
    )
    estimated = estimate_causal(observations, causal)
    evidence = CausalEvidence.of(observations, estimated, causal, surgery=surgery)
    claims, tests = judge(LEDGER, evidence)
    rows = {
        "causal_arms": estimated.arms,
        "arm_effects": estimated.arm_effects,
        "causal_slopes": estimated.slopes,
        "causal_claims": claims,
        "causal_claim_tests": tests,
        "causal_readings": readings(evidence),
    }
    written = {table.name: to_arrow(rows[table.name], table).to_pandas() for table in TABLES}
    return Experiment(**written)
