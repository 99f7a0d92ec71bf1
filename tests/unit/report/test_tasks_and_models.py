"""Tasks beside chance, and models counted one way."""

from typing import Any

import numpy as np
import pandas as pd
import pytest

from disentangle.report.models import describe_models
from disentangle.report.tasks import chance, tasks
from disentangle.study import expand, read_config


def evaluation(**scores: list[float]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Scores of a few models at their end, of 50 documents, and a first checkpoint that is not."""
    rows = [
        {"run": f"r{i}", "step": step, "variant": "base", "task": task, "metric": "acc"}
        | {"value": value if step else 0.0, "n": 50}
        for task, values in scores.items()
        for i, value in enumerate(values)
        for step in (0, 9)
    ]
    table = pd.DataFrame(rows)
    perturbed = table.assign(variant="gptq-3bit", value=0.0)
    ends = table[["run", "step"]].drop_duplicates().assign(final=lambda rows: rows["step"] == 9)
    return pd.concat([table, perturbed]), ends


def test_scores_are_held_against_chance() -> None:
    rows = tasks(*evaluation(sciq=[0.12, 0.12, 0.25, 0.45], piqa=[0.5] * 4, made_up=[0.9] * 4))
    by_task = {row["task"]: row for row in rows}
    sciq = by_task["sciq"]
    assert (sciq["chance"], sciq["below"], sciq["above"], sciq["models"]) == (0.25, 2, 1, 4)
    assert (sciq["lowest"], sciq["highest"]) == (0.12, 0.45), "at the end, as trained"
    assert (by_task["piqa"]["chance"], by_task["piqa"]["below"]) == (0.5, 0)
    assert np.isnan(by_task["made_up"]["chance"])
    assert by_task["made_up"]["below"] == by_task["made_up"]["above"] == 0


def test_chance_is_of_right_answers_only() -> None:
    assert chance("arc_easy", "acc_norm") == 0.25
    assert np.isnan(chance("arc_easy", "perplexity"))


def test_of_models_that_guess_few_are_away_from_chance() -> None:
    guesses = np.random.default_rng(0).binomial(50, 0.25, 4000) / 50
    (row,) = tasks(*evaluation(sciq=guesses.tolist()))
    assert row["below"] < 0.04 * 4000 and row["above"] < 0.05 * 4000


def table(config: dict[str, Any]) -> tuple[list, pd.DataFrame]:
    runs = expand(read_config(config))
    rows = [run.covariates() | {"run": run.name} for run in runs]
    return runs, pd.DataFrame(rows)


def test_the_demo_has_seven_configurations_wherever_it_is_counted(
    sample_config: dict[str, Any],
) -> None:
    runs, rows = table(sample_config)
    found = describe_models(runs, rows)
    assert found.total == 18
    assert found.kinds == (
        "18 models trained here (2 sizes by 7 configurations, 4 of them with another seed)"
    )
    assert found.scale == "32.8k to 131k weights without embeddings, 131k to 262k training tokens"
    assert found.beside_the_paper == (
        "smaller than all of the paper's and trained on less than all of the paper's"
    )


def test_models_from_elsewhere_count_among_all(sample_config: dict[str, Any]) -> None:
    runs, rows = table(sample_config)
    blank = dict.fromkeys(rows.columns, np.nan)
    other = blank | {"run": "mine", "configuration": "external", "params_non_embedding": 4.1e8}
    found = describe_models(runs, pd.concat([rows, pd.DataFrame([other])]))
    assert found.total == 19
    assert found.kinds == (
        "19 language models: 18 models trained here (2 sizes by 7 configurations, 4 of them with "
        "another seed); 1 external model"
    )
    assert "smaller" not in found.beside_the_paper


@pytest.mark.parametrize(
    ("weights", "tokens", "said"),
    [
        ([1.6e8, 4.1e8], 3e11, "larger than all of the paper's and trained on more than all"),
        ([1e7, 4.1e8], 3e10, ""),
        ([np.nan, np.nan], np.nan, ""),
    ],
)
def test_nothing_is_said_of_size_that_the_table_does_not_say(
    weights: list[float], tokens: float, said: str
) -> None:
    rows = pd.DataFrame({"run": ["a", "b"], "params_non_embedding": weights})
    found = describe_models([], rows.assign(tokens_budget=tokens, configuration="x"))
    assert found.beside_the_paper.startswith(said)
    assert bool(found.beside_the_paper) == bool(said)
    assert found.kinds == "2 models trained and measured by others"
