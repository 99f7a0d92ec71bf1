"""The report's section on findings of neighbouring papers: their ledger, and a table each."""

from typing import Any

import pandas as pd

from disentangle.claims.neighbours.token_trends import OF_SOURCE
from disentangle.neighbours.chosen_truncations import SHARE
from disentangle.neighbours.matched_loss import LEVEL
from disentangle.neighbours.scaling import BY_COMPUTE
from disentangle.report.rows import claims, records, with_intervals
from disentangle.study.findings import TABLES

VERDICTS = ("saturated", "not saturated", "undecided")


def neighbours(tables: dict[str, pd.DataFrame]) -> dict[str, Any] | None:
    """What the section shows; None if the study looked for no such finding.

    Returns:
        `claims`, the ledger; `sources`, the papers; and for each finding an entry of its name: what
        the template shows of it, None if it was not looked for.
    """
    if "neighbours" not in tables:
        return None
    ledger = claims(tables["neighbours"], tables["neighbour_tests"])
    shown: dict[str, Any] = dict.fromkeys(TABLES) | {
        "claims": ledger,
        "sources": list(dict.fromkeys(row["source"] for row in ledger)),
    }
    if "matched_effects" in tables:
        shown["matched_loss"] = _matched_loss(tables["matched"], tables["matched_effects"])
    if "token_trends" in tables:
        shown["token_trends"] = _token_trends(tables["token_trends"])
    if "plasticity" in tables:
        shown["plasticity"] = _plasticity(tables["plasticity"], tables["order_inversions"])
    if "text_noise" in tables:
        shown["text_noise"] = _text_noise(tables["text_noise"])
    if "scaling_predictions" in tables:
        shown["scaling"] = _scaling(tables["scaling_components"], tables["scaling_predictions"])
    if "compression" in tables:
        shown["compression"] = _compression(tables)
    return shown


def _compression(tables: dict[str, pd.DataFrame]) -> dict[str, Any]:
    """Rows of rank and cost, and of what was chosen, by size."""
    rows, chosen = tables["compression"], tables["chosen_truncations"]
    by_size = [
        {
            "size": size,
            "runs": len(of_size),
            "added_chosen": of_size["added_chosen"].mean(),
            "added": of_size["added"].mean(),
            "below": int((of_size["added_high"] < 0).sum()),
            "above": int((of_size["added_low"] > 0).sum()),
            "usual": of_size["variant"].mode()[0],
        }
        for size, of_size in chosen.groupby("size", sort=False)
    ]
    return {
        "rows": with_intervals(rows, ("rho", "partial", "residual")),
        "chosen": by_size,
        "share": SHARE,
    }


def _matched_loss(matched: pd.DataFrame, effects: pd.DataFrame) -> dict[str, Any]:
    at_level = effects[effects["reached"] == LEVEL]
    ends = at_level.rename(columns={"end_low": "end_rho_low", "end_high": "end_rho_high"})
    ends = ends.rename(columns={"low": "rho_low", "high": "rho_high"})
    levels = matched.groupby(["reached", "loss"], sort=False)["run"].nunique().reset_index()
    return {
        "rows": with_intervals(ends, ("rho", "end_rho")),
        "levels": records(levels),
        "level": LEVEL,
    }


def _token_trends(found: pd.DataFrame) -> dict[str, Any]:
    by_kind = found.groupby("kind", sort=False)
    rows = (
        by_kind[["share", "by_chance"]]
        .mean()
        .assign(least=by_kind["share"].min(), most=by_kind["share"].max())
    )
    return {
        "rows": records((100 * rows).reset_index()),
        "runs": int(found["run"].nunique()),
        "tokens": int(found["tokens"].max()) if len(found) else 0,
        "of_source": 100 * OF_SOURCE,
    }


def _plasticity(found: pd.DataFrame, pairs: pd.DataFrame) -> dict[str, Any]:
    rows = []
    for domain, some in found.groupby("domain", sort=False) if len(found) else ():
        of_domain = pairs[pairs["domain"] == domain]["verdict"].value_counts()
        rows.append(
            {
                "domain": domain,
                "n": len(some),
                "targets": int(some["targets"].max()),
                "at_edge": int(some["at_edge"].eq(True).sum()),
                "before": some["before"].mean(),
                "after": some["after"].mean(),
                "pairs": int(of_domain.sum()),
                "inverted": int(of_domain.get("inverted", 0)),
                "kept": int(of_domain.get("kept", 0)),
            }
        )
    return {"rows": rows}


def _text_noise(found: pd.DataFrame) -> dict[str, Any]:
    groups = found.sort_values(["token_noise", "params_non_embedding"]).groupby(
        ["token_noise", "size"], sort=False
    )
    rows = [
        {
            "share": 100 * some["token_noise"].iloc[0],
            "size": size,
            "n": len(some),
            "loss": some["loss"].mean(),
            "rise": some["degradation"].mean(),
            **{verdict: int((some["verdict"] == verdict).sum()) for verdict in VERDICTS},
        }
        for (_, size), some in groups
    ]
    return {"rows": rows}


def _scaling(components: pd.DataFrame, predictions: pd.DataFrame) -> dict[str, Any]:
    predictions = predictions[predictions["cutoff"] == BY_COMPUTE]
    beyond = predictions[predictions["beyond"].astype(bool)]
    errors = beyond.assign(error=(beyond["predicted"] - beyond["observed"]).abs()).pivot_table(
        index="task", columns="predictors", values="error", aggfunc="mean", sort=False
    )
    below = predictions[~predictions["beyond"].astype(bool)]
    loadings = components.pivot_table(
        index="task", columns="component", values="loading", sort=False
    )
    return {
        "tasks": [{"task": task, "loadings": list(loadings.loc[task])} for task in loadings.index],
        "components": records(components.drop_duplicates("component")),
        "predictors": list(errors.columns),
        "errors": {task: list(row) for task, row in zip(errors.index, errors.values, strict=True)},
        "cutoff": below["compute"].max() if len(below) else None,
        "below": below["run"].nunique(),
        "beyond": beyond["run"].nunique(),
    }
