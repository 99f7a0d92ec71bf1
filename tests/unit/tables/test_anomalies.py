"""Checkpoints that look odd are named, and ordinary ones are not."""

import numpy as np
import pandas as pd

from disentangle.tables.anomalies import ASKED, anomalies
from disentangle.tables.collected import ANOMALIES
from disentangle.tables.files import to_arrow

STEPS = [0, 10, 30, 100, 300]
CHOICES = {
    "size": "4M",
    "seed": 0,
    "tokens_budget": 9000,
    "batch_size": 8,
    "weight_decay": 0.1,
    "learning_rate": 0.01,
    "final_lr": 0.1,
}


def tables(**losses: list[float]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Checkpoints and evaluation of runs with these id losses."""
    places = [(run, step, i) for run in losses for i, step in enumerate(STEPS)]
    checkpoints = pd.DataFrame(
        {"run": run, "step": step, "weights_sha256": f"{run}{i}", "rows": 400, "probe_loss": 5.0}
        | CHOICES
        for run, step, i in places
    )
    evaluation = pd.DataFrame(
        {"run": run, "step": step, "variant": "base", "task": "heldout_id"}
        | {"metric": "bits_per_byte", "value": losses[run][i], "stderr": 0.01}
        for run, step, i in places
    )
    return checkpoints, evaluation


FALLING = [8.0, 5.0, 4.0, 3.5, 3.2]


def test_an_ordinary_study_has_no_doubts() -> None:
    checkpoints, evaluation = tables(a=FALLING, b=[8.0, 5.0, 4.0, 3.9, 3.95])
    # seeds begin alike
    checkpoints.loc[checkpoints["step"] == 0, "weights_sha256"] = "start"
    assert anomalies(checkpoints, evaluation) == []


def test_a_checkpoint_under_two_names_is_listed_under_the_second() -> None:
    checkpoints, evaluation = tables(a=FALLING, b=FALLING)
    checkpoints.loc[8, "weights_sha256"] = "a4"
    (row,) = anomalies(checkpoints, evaluation)
    assert (row["run"], row["step"], row["anomaly"]) == ("b", 100, "duplicate")
    assert row["evidence"] == "the weights of a step 300"
    to_arrow([row], ANOMALIES)


def test_a_step_that_is_another_step_of_its_run_is_listed() -> None:
    checkpoints, evaluation = tables(a=FALLING)
    checkpoints.loc[4, "weights_sha256"] = "a2"
    (row,) = anomalies(checkpoints, evaluation)
    assert (row["run"], row["step"], row["anomaly"]) == ("a", 300, "duplicate")
    assert row["evidence"] == "the weights of a step 30"


def test_a_spike_in_a_trajectory_is_an_outlier_up_or_down() -> None:
    checkpoints, evaluation = tables(a=[8, 5, 4, 6, 3.2], b=[8, 5, 1, 3.5, 3.2], c=FALLING)
    found = anomalies(checkpoints, evaluation)
    assert [(row["run"], row["step"], row["anomaly"]) for row in found] == [
        ("a", 100, "outlier"),
        ("b", 30, "outlier"),
    ]
    assert "id loss 6.000 between 4.000 and 3.200" in found[0]["evidence"]


def test_noise_is_no_outlier() -> None:
    rng = np.random.default_rng(0)
    runs = {
        f"r{i}": (np.array(FALLING) + 0.01 * rng.standard_normal(5)).tolist() for i in range(300)
    }
    flat = {f"f{i}": (3 + 0.01 * rng.standard_normal(5)).tolist() for i in range(300)}
    assert len(anomalies(*tables(**runs, **flat))) <= 3


def test_a_model_that_is_worse_than_a_guess_is_a_stranger_to_the_text() -> None:
    checkpoints, evaluation = tables(a=FALLING)
    checkpoints.loc[3, "probe_loss"] = 11.0
    (row,) = anomalies(checkpoints, evaluation)
    assert (row["step"], row["anomaly"]) == (100, "stranger to the text")
    assert "a uniform guess among 400 entries has 5.99" in row["evidence"]


def warmed_up(**other: float) -> list[tuple[str, int]]:
    """Duplicates among two runs whose first two steps are one, and what the second was given."""
    checkpoints, evaluation = tables(a=FALLING, b=FALLING)
    of_b = checkpoints["run"] == "b"
    checkpoints.loc[of_b & checkpoints["step"].isin([10, 30]), "weights_sha256"] = ["a1", "a2"]
    for name, value in other.items():
        checkpoints.loc[of_b, name] = value
    return [(row["run"], row["step"]) for row in anomalies(checkpoints, evaluation)]


def test_a_shared_warmup_is_no_duplicate() -> None:
    assert warmed_up(final_lr=0.0) == []
    assert warmed_up() == [("b", 10), ("b", 30)], "equal in all, and yet they part"
    assert warmed_up(final_lr=0.0, batch_size=16) == [("b", 10), ("b", 30)]
    assert warmed_up(final_lr=0.0, seed=np.nan) == [("b", 10), ("b", 30)], "not known to be equal"


def test_runs_that_never_part_are_duplicates() -> None:
    checkpoints, evaluation = tables(a=FALLING, b=FALLING)
    of_b = checkpoints["run"] == "b"
    checkpoints.loc[of_b, "weights_sha256"] = [f"a{i}" for i in range(5)]
    checkpoints.loc[of_b, "final_lr"] = 0.0
    found = [row["step"] for row in anomalies(checkpoints, evaluation)]
    assert found == [10, 30, 100, 300], "a final learning rate that does nothing"


def test_a_model_that_ends_as_a_guess_is_named_with_the_bound() -> None:
    checkpoints, evaluation = tables(a=FALLING, b=FALLING)
    checkpoints["rows"] = 900  # a guess has 6.802
    checkpoints.loc[checkpoints["step"] == 0, "probe_loss"] = 6.9  # where all begin
    checkpoints.loc[4, "probe_loss"] = 6.809
    (row,) = anomalies(checkpoints, evaluation)
    assert (row["run"], row["step"], row["anomaly"]) == ("a", 300, "no better than a guess")
    assert "6.809 nats per token" in row["evidence"] and "6.802" in row["evidence"]
    checkpoints.loc[4, "probe_loss"] = 6.75  # within noise of it
    assert len(anomalies(checkpoints, evaluation)) == 1
    checkpoints.loc[4, "probe_loss"] = 6.6
    assert anomalies(checkpoints, evaluation) == []
    for bound in ("5 standard errors", "1.2 ln", "0.99 ln"):
        assert (
            bound in ASKED
            and bound in ANOMALIES.schema.field("anomaly").metadata[b"meaning"].decode()
        )
