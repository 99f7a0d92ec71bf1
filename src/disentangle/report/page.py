"""Fill the page's template."""

import re
from collections import Counter
from functools import partial
from importlib.metadata import version
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from disentangle.calibration.processes import PROCESSES
from disentangle.checkpoint.references import BASE
from disentangle.claims.ledger import MATTERS, SMALL
from disentangle.claims.metric_verdicts import LEVEL
from disentangle.figures.style import variant_label
from disentangle.figures.training_curves import departures
from disentangle.report.answer import answer
from disentangle.report.claims import headline
from disentangle.report.costs import costs_by_rule
from disentangle.report.experiment import experiment
from disentangle.report.explorer import as_script, explorer_data
from disentangle.report.function_level import beside_function_level
from disentangle.report.glossary import glossary, link_to_term, slug
from disentangle.report.models import describe_models
from disentangle.report.neighbours import neighbours
from disentangle.report.numbers import number, probability
from disentangle.report.paper import beside_the_paper
from disentangle.report.regime import standing
from disentangle.report.rows import (
    FEWEST,
    MOST_RUNS,
    absent,
    association_rows,
    by_variant,
    calibration_ranges,
    checkpoints_expected,
    claims,
    cluster_members,
    effect_rows,
    external_models,
    finals,
    metric_rows,
    noise,
    quarantined_counts,
    records,
    verdicts,
    with_intervals,
    without_slope,
)
from disentangle.report.surgery import surgery
from disentangle.report.tasks import tasks
from disentangle.report.trust import all_intervals
from disentangle.report.tying import tying_pairs
from disentangle.statistics.agreement import TOGETHER
from disentangle.storage import replacing
from disentangle.study.config import StudyConfig
from disentangle.study.perturbation import finetuned
from disentangle.study.run import Run
from disentangle.tables.anomalies import ASKED
from disentangle.tables.select import chief_metric, chief_outcome, losses
from disentangle.vocabulary.metrics import BY_NAME, is_metric, metric_label, read_column
from disentangle.vocabulary.scores import BITS_PER_BYTE, outcome_label

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
        path: where to write it.
        study: the study's configuration.
        runs: its runs by name.
        corpus: the tokens' manifest, if anything was trained.
        source: the source of the observations, if they come from a table of others.
        leakage: the leakage table, if anything was trained.
        tables: observations, missing, all tables estimated from them, and evaluation if it was
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
    environment.filters |= {"number": number, "probability": probability}
    environment.filters |= {"outcome": outcome_label, "metric": metric_label}
    environment.filters |= {"variant": variant_label, "response": _response_label}
    environment.filters |= {"meaning": _meaning, "slug": slug}
    assets = {
        path.name: Markup(path.read_text(encoding="utf-8"))  # noqa: S704 (our own files)
        for path in files("disentangle.report").joinpath("assets").iterdir()
        if path.name.endswith((".css", ".js"))
    }
    of_all_variants = tables["associations"]
    associations = of_all_variants[of_all_variants["variant"] == BASE]
    observations = tables["observations"]
    targets = {
        finetuned(target): settings.domain
        for target, settings in study.perturbation.finetune.items()
    }
    # the training distribution first
    domains = sorted(study.corpus.heldout, key=lambda domain: (domain != "id", domain))
    if study.observations:
        targets = study.observations.finetuned
        domains = [
            name.removesuffix(BITS_PER_BYTE.ending)
            for name in losses(observations)
            if name.endswith(BITS_PER_BYTE.ending)
        ]
    # of a table from elsewhere the text is not known
    sources = dict.fromkeys(domains, "")
    if not study.observations:
        sources = {name: study.corpus.heldout[name].source for name in domains}
    terms = glossary(sources)
    environment.globals["term"] = partial(link_to_term, terms)
    calibration = tables["calibration"]
    first_outcome = chief_outcome(associations["outcome"].tolist())
    stands = standing(tables.get("regime"))
    judged = metric_rows(associations, first_outcome)
    explored = explorer_data(
        observations,
        list(dict.fromkeys(associations["metric"])),
        list(dict.fromkeys(associations["outcome"])),
    )
    page = environment.get_template("page.html").render(
        study=study,
        runs=list(runs.values()),
        departures=departures(runs),
        calibration=records(calibration),
        calibration_ranges=calibration_ranges(calibration),
        trust=all_intervals(calibration),
        processes={name: process.meaning for name, process in PROCESSES.items()},
        answer=answer(
            associations,
            first_outcome,
            standing=stands,
            coverage=all_intervals(calibration),
            absent=absent(tables["missing"], tables.get("anomalies")),
        ),
        explorer=Markup(as_script(explored)) if explored else None,  # noqa: S704 (escaped there)
        assets=assets,
        d3_size=f"{len(assets['d3.min.js']) / 1024:.0f} KiB",
        metric_rows=judged,
        metric_counts=Counter(row["verdict"] for row in judged),
        metric_rule={"level": LEVEL, "small": SMALL, "matters": MATTERS},
        glossary=terms,
        findings=headline(associations, first_outcome, calibration),
        claims=claims(tables["claims"], tables["claim_tests"]),
        neighbours=neighbours(tables),
        tables=set(tables),
        experiment=experiment(tables),
        surgery=surgery(tables.get("surgery")),
        causal_claims=claims(tables["causal_claims"], tables["causal_claim_tests"])
        if "causal_claims" in tables
        else [],
        most_runs=MOST_RUNS,
        outcome=first_outcome,
        chief_metric=chief_metric(associations["metric"].tolist()),
        finals=finals(runs, observations),
        counterexamples=records(tables["counterexamples"]),
        effects=effect_rows(tables["effects"]),
        without_slope=without_slope(tables["effects"]),
        noise=noise(tables["noise"]),
        seeds_apart=bool((tables["noise"][["df_init", "df_data"]] > 0).any(axis=None)),
        by_passages=tables["noise"]["sd_passages"].notna().any(),
        agreement=with_intervals(tables["agreement"], ("rho",)),
        clusters=cluster_members(tables["agreement"]),
        together=TOGETHER,
        domains=domains,
        source=source,
        over_time=observations.duplicated(["run", "variant"]).any(),
        from_start=bool((observations["step"] == 0).any()),
        regimes=not tables["over_training"].empty,
        regime=stands,
        models=describe_models(list(runs.values()), observations),
        tying=tying_pairs(runs, observations),
        tasks=tasks(tables["evaluation"], observations) if "evaluation" in tables else [],
        associations=association_rows(associations),
        function_level=association_rows(beside_function_level(associations, first_outcome)),
        fewest=FEWEST,
        beside_the_paper=beside_the_paper(of_all_variants, targets),
        perturbed=by_variant(study, domains, observations, of_all_variants),
        saturation=verdicts(tables["saturation"]),
        rise_errors=", ".join(sorted(tables["saturation"]["errors"].unique())),
        saturated=records(tables["saturation"].query("verdict == 'saturated'")),
        tolerance=study.statistics.tolerance,
        corpus=corpus,
        leakage=[] if leakage is None else records(leakage),
        external=external_models(observations),
        missing=records(tables["missing"]),
        expected=checkpoints_expected(tables),
        quarantined=quarantined_counts(tables["missing"]),
        anomalies=records(tables["anomalies"]) if "anomalies" in tables else [],
        anomalies_are=ASKED,
        checkpoints=int((observations["variant"] == BASE).sum()),
        costs=records(costs_by_rule(costs)),
        total_cpu=costs["cpu_seconds"].sum(),
        figures={name: _inline(name, svg) for name, svg in figures.items()},
        versions={package: version(package) for package in PACKAGES},
    )
    with replacing(path) as temporary:
        temporary.write_text(page, encoding="utf-8")


def _inline(name: str, svg: str) -> str:
    """An SVG for embedding in the page: no XML prologue, ids unique to the figure."""
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r'\bid="', f'id="{name}-', svg)
    svg = re.sub(r'(xlink:href="#|url\(#)', rf"\g<1>{name}-", svg)
    # the page's CSS sets the size
    return re.sub(r'<svg ([^>]*?)width="[^"]*"', r"<svg \1", svg, count=1).replace(
        "<svg ", f'<svg role="img" aria-label="{name.replace("_", " ")}" ', 1
    )


def _response_label(column: str) -> str:
    """The label of a column that holds a metric or a score."""
    return metric_label(column) if is_metric(column) else outcome_label(column)


def _meaning(column: str) -> str:
    """What a column of a metric holds: formula and source."""
    metric = read_column(column).metric
    return BY_NAME[metric].meaning if metric in BY_NAME else "A metric of this study's own"
