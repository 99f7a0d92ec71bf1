"""Select the observations for an analysis."""

import pandas as pd

from disentangle.checkpoint.references import BASE
from disentangle.study.sections.observations import CHOICES, OPTIONAL_CHOICES


def final_runs(observations: pd.DataFrame, variant: str) -> pd.DataFrame:
    """One row per run: its last planned checkpoint, under one variant.

    A run that diverged has no such checkpoint and is left out. `learning_rate` is the multiple of
    the default here, which means the same at every size. A training choice that is unknown for
    every run becomes a constant: it cannot be controlled for, and no run is left out for it. Of an
    optional choice, a run of which nothing is said has the suite's most common value.
    """
    return _for_estimators(
        observations[observations["final"] & (observations["variant"] == variant)]
    )


def all_checkpoints(observations: pd.DataFrame) -> pd.DataFrame:
    """Every checkpoint as trained, with the same columns as `final_runs`."""
    return _for_estimators(observations[observations["variant"] == BASE])


def _for_estimators(rows: pd.DataFrame) -> pd.DataFrame:
    for changed in ("late", "arm"):  # what was changed in a run is no choice of a whole run
        if changed in rows:
            rows = rows[rows[changed].fillna("") == ""]
    rows = rows.assign(learning_rate=rows["learning_rate_multiple"])
    for name in OPTIONAL_CHOICES:
        if name in rows:
            said = rows[name].dropna()
            # runs without a cooldown share no trunk
            usual = 0.0 if name in ("cooldown", "token_noise") else 1.0
            rows[name] = rows[name].fillna(usual if said.empty else said.mode()[0])
    unknown = [name for name in CHOICES if rows[name].isna().all()]
    return rows.assign(**dict.fromkeys(unknown, 1.0)).reset_index(drop=True)


def comparable_runs(observations: pd.DataFrame, variant: str) -> pd.DataFrame:
    """The rows of `final_runs` whose size and training choices are all known."""
    known = final_runs(observations, variant).dropna(subset=["params_non_embedding", *CHOICES])
    return known.reset_index(drop=True)
