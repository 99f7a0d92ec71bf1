"""The evaluation harness's results become a table that a study takes; nothing is unchecked."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from a_suite import suite

from disentangle.commands.__main__ import main
from disentangle.errors import StudyError
from disentangle.observations import adopt
from disentangle.observations.from_harness import pattern_of, table_from_harness, with_columns_of
from disentangle.observations.harness_file import LARGEST, read_harness_file
from disentangle.observations.read import read_observations
from disentangle.study.sections.observations import Reading

OLD = {
    "results": {
        "lambada_openai": {"ppl": 20.0, "ppl_stderr": 0.5, "acc": 0.4, "acc_stderr": 0.007},
        "arc_easy": {"acc": 0.5, "acc_stderr": 0.01, "acc_norm": 0.45, "acc_norm_stderr": 0.01},
    },
    "versions": {"arc_easy": 0},
    "config": {"model": "hf-causal", "model_args": "pretrained=EleutherAI/pythia-70m"},
}
NEW = {
    "results": {
        "lambada_openai": {
            "alias": "lambada_openai",
            "perplexity,none": 20.0,
            "perplexity_stderr,none": 0.5,
            "acc,none": 0.4,
            "acc_stderr,none": 0.007,
        },
        "gsm8k": {
            "exact_match,strict-match": 0.1,
            "exact_match_stderr,strict-match": 0.01,
            "exact_match,flexible-extract": 0.2,
            "exact_match_stderr,flexible-extract": "N/A",
        },
        "wikitext": {"word_perplexity,none": math.e, "word_perplexity_stderr,none": "N/A"},
    },
    "config": {"model_args": {"pretrained": "EleutherAI/pythia-70m", "revision": "step3000"}},
}
"""Both formats, with the harness's names and numbers of ours."""


def written(path: Path, content: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def results(**scores: Any) -> dict[str, Any]:
    return {"results": {"piqa": scores}}


def test_both_formats_have_the_same_scores(tmp_path: Path) -> None:
    old = read_harness_file(written(tmp_path / "old.json", OLD))
    new = read_harness_file(written(tmp_path / "new.json", NEW))
    shared = {name: value for name, value in old.scores.items() if name.startswith("lambada")}
    assert shared == {name: value for name, value in new.scores.items() if "lambada" in name}
    assert shared["lambada_openai_log_perplexity"] == pytest.approx(math.log(20))
    assert shared["lambada_openai_log_perplexity_stderr"] == pytest.approx(0.5 / 20)
    assert (old.model, old.revision) == ("pythia-70m", None)
    assert (new.model, new.revision) == ("pythia-70m", "step3000")
    assert new.scores["gsm8k_exact_match,strict-match_stderr"] == 0.01
    assert "gsm8k_exact_match,flexible-extract_stderr" not in new.scores
    assert new.scores["wikitext_log_word_perplexity"] == pytest.approx(1)


def test_the_error_of_a_log_perplexity_is_that_of_the_mean(tmp_path: Path) -> None:
    """Against resampling: the error of exp(mean) over exp(mean) is that of the mean."""
    rng = np.random.default_rng(0)
    losses = rng.gamma(4, 1, 2000)
    means = np.array([rng.choice(losses, len(losses)).mean() for _ in range(2000)])
    told = results(
        perplexity=float(np.exp(losses.mean())), perplexity_stderr=float(np.exp(means).std())
    )
    scores = read_harness_file(written(tmp_path / "a.json", told)).scores
    assert scores["piqa_log_perplexity"] == pytest.approx(losses.mean())
    assert scores["piqa_log_perplexity_stderr"] == pytest.approx(means.std(), rel=0.03)


def test_run_and_step_come_from_paths(tmp_path: Path) -> None:
    for model, step, acc in [("70m", 0, 0.2), ("70m", 3000, 0.3), ("1b", 3000, 0.5)]:
        path = tmp_path / f"pythia-{model}" / "zero-shot" / f"{model}_step{step}.json"
        written(path, results(acc=acc, acc_stderr=0.01))
    written(tmp_path / "pythia-70m" / "five-shot" / "70m-5shot_step3000.json", results(acc=0.35))
    found = table_from_harness(tmp_path, "pythia-{run}/zero-shot/{run}_step{step}.json")
    assert found.table.to_dict("list") == {
        "run": ["1b", "70m", "70m"],
        "step": [3000, 0, 3000],
        "piqa_acc": [0.5, 0.2, 0.3],
        "piqa_acc_stderr": [0.01] * 3,
    }
    assert (found.files, found.passed_over) == (3, 1)


def test_tasks_of_one_checkpoint_come_together(tmp_path: Path) -> None:
    at = {"config": NEW["config"]}
    written(tmp_path / "1.json", at | results(acc=0.3))
    written(tmp_path / "2.json", at | {"results": {"sciq": {"acc": 0.7}}})
    table = table_from_harness(tmp_path).table
    assert table.to_dict("records") == [
        {
            "run": "pythia-70m",
            "revision": "step3000",
            "step": 3000,
            "piqa_acc": 0.3,
            "sciq_acc": 0.7,
        }
    ]
    chosen = table_from_harness(tmp_path, tasks=["sciq"]).table
    assert "piqa_acc" not in chosen
    with pytest.raises(StudyError, match="No file has a score of boolq"):
        table_from_harness(tmp_path, tasks=["boolq"])


@pytest.mark.parametrize(
    ("revision", "step"),
    [
        ("step143000", 143000),
        ("stage1-step140000-tokens294B", 140000),
        ("step1000-tokens4B", 1000),
        ("main", None),
        ("overstep5", None),
    ],
)
def test_a_step_is_read_from_a_revision(tmp_path: Path, revision: str, step: int | None) -> None:
    written(tmp_path / revision / "olmo.json", results(acc=0.3))
    table = table_from_harness(tmp_path, "{revision}/{run}.json").table
    assert (table["step"].iloc[0] if "step" in table else None) == step


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("{", "no JSON"),
        ("[1]", "not an object"),
        ("[" * 100_000, "no JSON"),
        ('{"results": {"piqa": {"acc": ' + "9" * 5000 + "}}}", "no JSON"),
        ({"scores": {}}, '"results" is missing'),
        ({"results": []}, '"results" is missing'),
        ({"results": {"piqa": 0.3}}, "'piqa' is no task with scores"),
        ({"results": {"=cmd|x": {"acc": 0.3}}}, "is no task with scores"),
        (results(**{"a\nb": 0.3}), "is no name of a score"),
        (results(acc=True), "True is no number"),
        (results(acc=[0.3]), "[0.3] is no number"),
        (results(acc=0.3, acc_stderr=-0.1), "a standard error below 0"),
    ],
)
def test_what_is_no_result_is_refused(tmp_path: Path, content: Any, said: str) -> None:
    written(tmp_path / "a.json", content)
    with pytest.raises(StudyError) as refused:
        table_from_harness(tmp_path, "{run}.json")
    assert "The results have one fault" in str(refused.value)
    assert said in str(refused.value)
    assert len(str(refused.value)) < 500


def test_a_file_of_samples_is_not_read(tmp_path: Path) -> None:
    with written(tmp_path / "a.json", "{}").open("r+") as file:
        file.truncate(LARGEST + 1)
    with pytest.raises(StudyError, match="more than 64 MiB"):
        read_harness_file(tmp_path / "a.json")


def test_what_is_not_finite_is_left_empty_and_counted(tmp_path: Path) -> None:
    written(tmp_path / "a.json", results(acc=0.3, ppl=math.inf, ppl_stderr=math.nan))
    written(tmp_path / "b.json", results(acc=0.4, ppl=math.e, ppl_stderr=0.1))
    found = table_from_harness(tmp_path, "{run}.json")
    assert found.left_out == 1
    assert found.table["piqa_log_perplexity"].isna()[0]
    assert found.table.loc[1, "piqa_log_perplexity"] == pytest.approx(1)


def test_two_values_of_one_score_are_refused(tmp_path: Path) -> None:
    written(tmp_path / "0-shot" / "a.json", results(acc=0.3))
    written(tmp_path / "5-shot" / "a.json", results(acc=0.4))
    with pytest.raises(StudyError, match=r"5-shot/a.json: piqa_acc is 0.4, but 0.3 in 0-shot"):
        table_from_harness(tmp_path, "*/{run}.json")
    assert len(table_from_harness(tmp_path, "0-shot/{run}.json").table) == 1


def test_a_step_is_known_of_all_or_of_none(tmp_path: Path) -> None:
    written(tmp_path / "step5" / "a.json", results(acc=0.3))
    written(tmp_path / "main" / "a.json", results(acc=0.4))
    with pytest.raises(StudyError, match="a: no step of revision main; others have one"):
        table_from_harness(tmp_path, "{revision}/{run}.json")
    written(tmp_path / "step5" / "a.json", results(acc=0.3)).rename(tmp_path / "other.json")
    (tmp_path / "step5").rmdir()
    (tmp_path / "v1").mkdir()
    (tmp_path / "other.json").rename(tmp_path / "v1" / "a.json")
    with pytest.raises(StudyError, match="a: 2 revisions, none with a step in its name"):
        table_from_harness(tmp_path, "{revision}/{run}.json")


def test_patterns_are_read_as_written() -> None:
    assert pattern_of("a.b+c/{run}.json").fullmatch("a.b+c/x.json")
    assert not pattern_of("a.b/{run}.json").fullmatch("acb/x.json")
    assert not pattern_of("{run}.json").fullmatch("x/y.json")
    assert not pattern_of("{run}/{run}.json").fullmatch("x/y.json")
    with pytest.raises(StudyError, match=r"\{model\} is unknown; there are \{run\}"):
        pattern_of("{model}.json")


def test_files_that_name_no_model_are_refused(tmp_path: Path) -> None:
    written(tmp_path / "a.json", results(acc=0.3))
    with pytest.raises(StudyError, match="neither it nor the pattern names the model"):
        table_from_harness(tmp_path)
    with pytest.raises(StudyError, match=r"has 1 .json files: none is like b\*"):
        table_from_harness(tmp_path, "b*")
    with pytest.raises(StudyError, match="There is no folder"):
        table_from_harness(tmp_path / "absent")


def test_further_columns_come_by_run_or_by_run_and_step() -> None:
    table = pd.DataFrame({"run": ["a", "a", "b"], "step": [0, 5, 5], "piqa_acc": [0.1, 0.2, 0.3]})
    joined = with_columns_of(
        table, pd.DataFrame({"run": ["b", "a"], "weight_decay": ["0.1", "0.2"]})
    )
    assert list(joined["weight_decay"]) == ["0.2", "0.2", "0.1"]
    by_step = pd.DataFrame({"run": ["a", "a", "b"], "step": ["5", "0", "5"], "W_srank": [1, 2, 3]})
    assert list(with_columns_of(table, by_step)["W_srank"]) == [2, 1, 3]
    assert list(with_columns_of(table, by_step)["step"]) == [0, 5, 5]
    for other, said in [
        (by_step.drop(columns="run"), "no column run"),
        (by_step.iloc[[0, 0, 1, 2]], "a, 5.0: more than one row"),
        (by_step.assign(piqa_acc=1), "both tables have piqa_acc"),
        (by_step.iloc[1:], "no row of\n  a at step 5"),
    ]:
        with pytest.raises(StudyError, match=said):
            with_columns_of(table, other)


@pytest.mark.parametrize("ending", [".csv", ".parquet", ".tsv"])
def test_a_study_takes_what_the_command_writes(
    tmp_path: Path, ending: str, capsys: pytest.CaptureFixture[str]
) -> None:
    mine = suite().rename(
        columns={
            "model": "run",
            "params (M)": "params_non_embedding",
            "tokens (B)": "tokens_budget",
        }
    )
    mine = mine.assign(params_non_embedding=mine["params_non_embedding"] * 1e6, tokens_budget=8e9)
    mine.drop(columns="pile").to_csv(tmp_path / "models.csv", index=False)
    for run, loss in zip(mine["run"], mine["pile"], strict=True):
        content = {"results": {"lambada": {"ppl": math.exp(loss), "ppl_stderr": 0.1}}}
        written(tmp_path / "evals" / f"{run}.json", content)
    out = tmp_path / f"suite{ending}"
    asked = ["observations", "from", str(tmp_path / "evals"), "--pattern", "{run}.json"]
    assert main([*asked, "--join", str(tmp_path / "models.csv"), "--out", str(out)]) == 0
    assert "60 checkpoints of 60 models, 1 scores with errors, from 60 files" in (
        capsys.readouterr().out
    )
    reading = Reading.model_validate(
        {
            "columns": {
                **{"size": "scale", "weight_decay": "wd", "batch_size": "batch"},
                "W_effective_rank_pct": {"column": "erank", "times": 100},
                "lambada_log_perplexity": "lambada_log_perplexity",
            },
            "fixed": {"final_lr": 0.1, "learning_rate": None},
        }
    )
    found = adopt(read_observations(out), reading, also=("lambada_log_perplexity",))
    by_run = found.set_index("run")["lambada_log_perplexity"]
    assert by_run.to_dict() == pytest.approx(dict(zip(mine["run"], mine["pile"], strict=True)))


def test_what_cannot_be_written_is_said_first(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["observations", "from", str(tmp_path), "--out", str(tmp_path / "a.xlsx")]) == 2
    assert "write a .csv, .tsv or .parquet file" in capsys.readouterr().err
