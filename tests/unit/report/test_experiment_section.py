"""The report's section on an experiment: numbers of the tables, figures of the observations."""

import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from disentangle.figures.arms import experiment_rows
from disentangle.figures.causal_slopes import causal_slopes
from disentangle.figures.dose_and_response import dose_and_response
from disentangle.figures.rank_by_arm import rank_by_arm
from disentangle.observations.experiment import Experiment, analyze_experiment
from disentangle.report.experiment import experiment as section
from disentangle.study.sections.statistics import Statistics

sys.path.insert(0, str(Path(__file__).parents[1] / "causal"))
from an_experiment import experiment


@pytest.fixture(scope="module")
def observations() -> pd.DataFrame:
    """Rank lowers loss by .5 bits per byte per unit of R / d; factors cost .1 by themselves."""
    rows = experiment(slope=-0.5, direct={"narrow": 0.1, "factors": 0.1}, noise=0.01)
    return rows.assign(tokens=100_000)


@pytest.fixture(scope="module")
def found(observations: pd.DataFrame) -> Experiment:
    return analyze_experiment(observations, settings=Statistics(bound=0.02))


def test_the_section_shows_each_arm_with_its_effect(found: Experiment) -> None:
    shown = section(vars(found))
    assert shown is not None
    assert (shown["outcome"], shown["bound"]) == ("id_bits_per_byte", 0.02)
    arms = {(row["arm"], row["reference"]): row for row in shown["arms"]}
    assert len(arms) == len(shown["arms"]) == 12  # the hard limit is compared with both
    # 0.64 of R / d in the control, 0.4 held: 0.24 x 0.5 more
    held = arms["low", "control"]
    assert float(held["effect"].split()[0]) == pytest.approx(0.12, abs=0.011)
    assert held["what"] == "rank held"
    assert {reference for arm, reference in arms if arm == "narrow"} == {"factors", "control"}
    assert next(row["effect"] for row in shown["arms"] if row["arm"] == "control") == "–"
    by_name = {row["estimator"]: row for row in shown["slopes"] if row["role"] == "outcome"}
    assert by_name["two-stage, doses"]["per_tenth"] == pytest.approx(-0.05, abs=0.005)
    seen = by_name["observational"]
    assert (seen["arms"], seen["n"]) == ("", 12 + 12)  # the controls, and the cloud
    verdicts = {row["meaning"]: row["verdict"] for row in shown["readings"]}
    assert verdicts["Rank matters here."] == "applies"
    assert section({"claims": pd.DataFrame()}) is None


def test_the_claims_are_judged_by_the_studys_bound(observations: pd.DataFrame) -> None:
    strict, lenient = (
        analyze_experiment(observations, settings=Statistics(bound=bound)).causal_claims
        for bound in (0.02, 0.2)
    )
    assert strict.set_index("claim")["verdict"][1] == "fails"
    assert lenient.set_index("claim")["verdict"][1] == "holds"


def test_figures_draw_every_run_of_the_experiment_once(
    observations: pd.DataFrame, found: Experiment
) -> None:
    rows = experiment_rows(observations)
    assert len(rows) == 11 * 12 and set(rows["batch_size"]) == {8}
    dots = dose_and_response(observations).axes[0].lines
    by_label = {line.get_label(): line for line in dots}
    assert len(by_label["rank held"].get_xdata()) == 4 * 12
    assert len(by_label["no intervention"].get_xdata()) == len(observations) - 11 * 12
    panel = causal_slopes(found.causal_slopes).axes[0]
    names = [label.get_text() for label in panel.get_yticklabels()]
    assert {"observational", "two-stage, doses", "two-stage, all levers"} <= set(names)
    assert not any(" minus " in name or "bend" in name for name in names)
    points = {line.get_label(): line for line in panel.lines}
    drawn = dict(zip(names, panel.get_yticks(), strict=True))
    at = list(points["by intervention"].get_ydata()).index(drawn["two-stage, doses"])
    slope = found.causal_slopes.query(
        "estimator == 'two-stage, doses' and response == 'id_bits_per_byte'"
    )
    assert points["by intervention"].get_xdata()[at] == slope["per_tenth"].iloc[0]
    assert len(rank_by_arm(observations).axes[0].collections) == 11  # a band for each arm


def test_no_experiment_no_rows(observations: pd.DataFrame) -> None:
    plain = observations[observations["arm"] == ""]
    nothing = analyze_experiment(plain)
    assert nothing.causal_arms.empty and nothing.causal_slopes.empty
    assert set(nothing.causal_claims["verdict"]) == {"undecided"}
    assert np.isnan(nothing.causal_claims["observed"]).all()
