"""Fill the page's template."""

import re
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined

from disentangle.calibration.worlds import WORLDS
from disentangle.checkpoint.subjects import BASE
from disentangle.figures.metric_agreement import clusters
from disentangle.figures.style import metric_label, outcome_label, variant_label
from disentangle.figures.training_curves import departures
from disentangle.report.costs import costs_by_rule
from disentangle.report.findings import headline, interval
from disentangle.report.paper import beside_the_paper
from disentangle.report.perturbed import changes
from disentangle.report.tying import tying_pairs
from disentangle.statistics.agreement import TOGETHER
from disentangle.storage import replacing
from disentangle.study.config import StudyConfig
from disentangle.study.external import EXTERNAL
from disentangle.study.perturbation import finetuned, variants
from disentangle.study.run import Run
from disentangle.tables.collect import QUARANTINED
from disentangle.tables.select import PER_BYTE, chief_metric, chief_outcome, losses

SLOPES = ("slope", "at_lowest", "at_highest", "at_smallest", "at_largest")

VERDICTS = ("saturated", "not saturated", "undecided")

PACKAGES = ("snakemake", "torch", "ai2-olmo", "lm-eval", "transformers", "numpy", "scipy")


def write_report(
    path: Path,
    *,
    study: StudyConfig,
    runs: dict[str, Run],
    corpus: dict[str, Any] | None,
    source: dict[str, Any] | None,
    leakage: pd.DataFrame | None,
    tables: dict[str, pd.DataFrame],
    costs: pd.DataFrame,
    figures: dict[str, str],
) -> None:
    """Write the report as one HTML file that refers to nothing outside itself.

    Args:
        path: where to.
        study: the study's configuration.
        runs: its runs by name.
        corpus: the tokens' manifest, if anything was trained.
        source: what the observations are from, if from elsewhere.
        leakage: the leakage table, likewise.
        tables: observations, missing, all that are estimated from them, and evaluation, if it was
            done here.
        costs: the costs table.
        figures: name to SVG.
    """
    environment = Environment(
        loader=PackageLoader("disentangle.report", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"number": _number, "outcome": outcome_label, "metric": metric_label}
    environment.filters |= {"variant": variant_label, "response": _response_label}
    of_all_variants = tables["associations"]
    associations = of_all_variants[of_all_variants["variant"] == BASE]
    observations = tables["observations"]
    targets = {
        finetuned(target): settings.domain
        for target, settings in study.perturbation.finetune.items()
    }
    domains = list(study.corpus.heldout)
    if study.observations:
        targets = study.observations.finetuned
        domains = [
            name.removesuffix(PER_BYTE) for name in losses(observations) if name.endswith(PER_BYTE)
        ]
    first_outcome = chief_outcome(associations["outcome"].tolist())
    page = environment.get_template("page.html").render(
        study=study,
        runs=list(runs.values()),
        departures=departures(runs),
        calibration=_records(tables["calibration"]),
        calibration_ranges=_ranges(tables["calibration"]),
        worlds={name: world.meaning for name, world in WORLDS.items()},
        findings=headline(associations, first_outcome),
        claims=_claims(tables["claims"], tables["claim_tests"]),
        outcome=first_outcome,
        chief_metric=chief_metric(associations["metric"].tolist()),
        finals=_finals(runs, observations),
        counterexamples=_records(tables["counterexamples"]),
        effects=_effects(tables["effects"]),
        noise=_with_intervals(tables["noise"][tables["noise"]["cells_repeated"] > 0], ("icc",)),
        agreement=_with_intervals(tables["agreement"], ("rho",)),
        clusters=_clusters(tables["agreement"]),
        together=TOGETHER,
        domains=domains,
        source=source,
        over_time=observations.duplicated(["run", "variant"]).any(),
        models=observations["run"].nunique(),
        tying=tying_pairs(runs, observations),
        tasks=_tasks(tables["evaluation"]) if "evaluation" in tables else [],
        associations=_association_rows(associations),
        beside_the_paper=beside_the_paper(of_all_variants, targets),
        perturbed=_by_variant(study, domains, observations, of_all_variants),
        saturation=_verdicts(tables["saturation"]),
        saturated=_records(tables["saturation"].query("verdict == 'saturated'")),
        tolerance=study.statistics.tolerance,
        corpus=corpus,
        leakage=[] if leakage is None else _records(leakage),
        external=_external(observations),
        missing=_records(tables["missing"]),
        expected=_expected(tables),
        set_aside=_set_aside(tables["missing"]),
        doubts=_records(tables["doubts"]) if "doubts" in tables else [],
        checkpoints=int((observations["variant"] == BASE).sum()),
        costs=_records(costs_by_rule(costs)),
        total_cpu=costs["cpu_seconds"].sum(),
        figures={name: _inline(name, svg) for name, svg in figures.items()},
        versions={package: version(package) for package in PACKAGES},
    )
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _inline(name: str, svg: str) -> str:
    """An SVG as part of a page: no XML prologue, ids that no other figure has."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'(xlink:href="#|url\(#)', rf"\g<1>{name}-", svg)
    # its size in the page is the page's affair
    return re.sub(r'<svg ([^>]*?)width="[^"]*"', r"<svg \1", svg, count=1).replace(
        "<svg ", f'<svg role="img" aria-label="{name.replace("_", " ")}" ', 1
    )


def _response_label(column: str) -> str:
    """A column that is a metric or a score, in words."""
    return metric_label(column) if column.startswith(("W_", "H_")) else outcome_label(column)


def _number(value: float | None, digits: int = 2) -> str:
    """A number for a table, a dash for none."""
    return "–" if value is None or value != value else f"{value:,.{digits}f}"


def _finals(runs: dict[str, Run], observations: pd.DataFrame) -> list[dict[str, Any]]:
    """One record per run, with the observations of its last planned checkpoint if it has one."""
    final = observations[observations["final"] & (observations["variant"] == "base")]
    by_run = final.set_index("run").to_dict("index")
    return [{"run": run, "seen": by_run.get(name)} for name, run in runs.items()]


def _external(observations: pd.DataFrame) -> list[dict[str, Any]]:
    """The last checkpoint of every model from elsewhere."""
    final = observations[observations["final"] & (observations["configuration"] == EXTERNAL)]
    return _records(final.sort_values("params_non_embedding"))


def _tasks(evaluation: pd.DataFrame) -> list[dict[str, Any]]:
    """Per task and metric: how the final checkpoints score, over all runs."""
    scores = evaluation[~evaluation["task"].str.startswith("heldout_")]
    summary = scores.groupby(["task", "metric"], as_index=False).agg(
        mean=("value", "mean"), lowest=("value", "min"), highest=("value", "max"), n=("n", "max")
    )
    return _records(summary)


def _claims(claims: pd.DataFrame, tests: pd.DataFrame) -> list[dict[str, Any]]:
    """The ledger, each claim with its tests."""
    return [
        row | {"parts": _records(tests[tests["claim"] == row["claim"]])} for row in _records(claims)
    ]


def _with_intervals(table: pd.DataFrame, figures: Sequence[str]) -> list[dict[str, Any]]:
    """Rows in which each of these figures is written with its interval."""
    return [
        row
        | {name: interval(row[name], row[f"{name}_low"], row[f"{name}_high"]) for name in figures}
        for row in _records(table)
    ]


def _effects(table: pd.DataFrame) -> list[dict[str, Any]]:
    """The effects table, slopes with their intervals in significant digits: units differ by row."""

    def spelled(value: float, low: float, high: float) -> str:
        known = value == value
        return f"{value:+.2g} [{low:+.2g}, {high:+.2g}]" if known else "not estimable"

    return [
        row
        | {
            name: spelled(*(row[f"{name}{end}"] for end in ("", "_low", "_high")))
            for name in SLOPES
        }
        for row in _records(table)
    ]


def _clusters(agreement: pd.DataFrame) -> list[list[str]]:
    """Metrics by cluster; those that are the same for all models are in none."""
    if agreement.empty:
        return []
    cluster = clusters(agreement)
    return [list(cluster.index[cluster == number]) for number in range(1, cluster.max() + 1)]


def _ranges(calibration: pd.DataFrame) -> list[dict[str, str]]:
    """Per estimator: least and most, over worlds, of what it finds and of its coverage."""

    def spread(values: pd.Series) -> str:
        known = 100 * values.dropna()
        return f"{known.min():.1f} to {known.max():.1f}" if len(known) else "–"

    return [
        {
            "estimator": str(estimator),
            "false_positives": spread(rows.loc[rows["planted_rho"] == 0, "found"]),
            "power": spread(rows.loc[rows["planted_rho"] > 0, "found"]),
            "coverage": spread(rows["coverage"]),
        }
        for estimator, rows in calibration.groupby("estimator", sort=False)
    ]


def _verdicts(saturation: pd.DataFrame) -> list[dict[str, Any]]:
    """Per loss: how many runs are judged how, and where the rank of the saturated ones peaked."""
    return [
        {
            "outcome": outcome,
            **{verdict: int((rows["verdict"] == verdict).sum()) for verdict in VERDICTS},
            "rank_first": int(
                ((rows["verdict"] == "saturated") & (rows["rank_order"] == "before")).sum()
            ),
        }
        for outcome, rows in saturation.groupby("outcome", sort=True)
    ]


def _by_variant(
    study: StudyConfig,
    domains: list[str],
    observations: pd.DataFrame,
    associations: pd.DataFrame,
) -> dict[str, dict[str, Any]]:
    """Per variant: its losses, and what geometry has to do with them."""
    changed = changes(observations, domains)
    found = sorted(set(observations["variant"]) - {BASE})
    return {
        variant: {
            "losses": [row for row in changed if row["variant"] == variant],
            "associations": _association_rows(associations[associations["variant"] == variant]),
        }
        for variant in variants(study.perturbation) or found
    }


def _association_rows(associations: pd.DataFrame) -> list[dict[str, Any]]:
    return [
        {
            "outcome": row["outcome"],
            "metric": row["metric"],
            "n": row["n"],
            "raw": interval(row["rho"], row["rho_low"], row["rho_high"]),
            "partial": interval(row["partial_rho"], row["partial_low"], row["partial_high"]),
            "q": row["partial_q"],
            "residual": interval(row["residual_rho"], row["residual_low"], row["residual_high"]),
            "residual_p": row["residual_p"],
            "within": interval(row["within_rho"], row["within_low"], row["within_high"]),
            "within_p": row["within_p"],
            "within_q": row["within_q"],
            "delta": interval(row["delta_r2"], row["delta_r2_low"], row["delta_r2_high"]),
            "delta_design": interval(
                *(row[f"delta_r2_design{end}"] for end in ("", "_low", "_high"))
            ),
            "along": _with_error(row["mixed_run_coef"], row["mixed_run_se"]),
            "note": row["note"],
        }
        for row in _records(associations)
    ]


def _with_error(value: float, error: float) -> str:
    return f"{value:+.2f} ± {error:.2f}" if value == value else "–"


def _set_aside(missing: pd.DataFrame) -> dict[str, int]:
    """Checkpoints as trained that were refused: where they were brought in, and afterwards."""
    refused = missing[(missing["state"] == QUARANTINED) & ~missing["stage"].str.contains(" of ")]
    brought_in = refused["stage"] == "checkpoint"
    return {
        "brought_in": len(refused[brought_in]),
        "measured": len(refused.loc[~brought_in, ["run", "step"]].drop_duplicates()),
    }


def _expected(tables: dict[str, pd.DataFrame]) -> int:
    """Checkpoints that the study plans: those that are there, and those that are not."""
    if "checkpoints" not in tables:
        return 0
    absent = tables["missing"].query("stage == 'checkpoint'")
    return len(tables["checkpoints"]) + len(absent)


def _records(frame: pd.DataFrame) -> list[dict[str, Any]]:
    return [dict(zip(frame.columns, row, strict=True)) for row in frame.itertuples(index=False)]
