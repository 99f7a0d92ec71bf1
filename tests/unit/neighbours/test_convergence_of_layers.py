"""When layers converge: verdicts that follow planted truths, at one step and no other."""

import numpy as np
import pandas as pd
import pytest

from disentangle.claims.judge import judge
from disentangle.claims.neighbours.convergence import CLAIMS
from disentangle.claims.neighbours.evidence import Findings
from disentangle.neighbours.convergence import convergence
from disentangle.tables.files import to_arrow
from disentangle.tables.neighbours import CONVERGENCE, NEIGHBOUR_TESTS, NEIGHBOURS

SIZES = {"1K": 1000, "4K": 4000, "16K": 16000}
STEPS = (0, 50, 200, 1000)
BATCHES = (8, 16, 32, 64, 128, 256)


def suite() -> pd.DataFrame:
    """The last checkpoints of 3 sizes x 6 batches."""
    return pd.DataFrame(
        {
            "run": f"{size}_bs{batch}", "size": size, "params_non_embedding": weights,
            "tokens_budget": 10**6, "batch_size": batch, "weight_decay": 0.1,
            "learning_rate": 1.0, "final_lr": 0.1, "seed": 0, "step": 1000,
        }
        for size, weights in SIZES.items()
        for batch in BATCHES
    )  # fmt: skip


def planted(by_size: float, by_rank: float) -> tuple[pd.DataFrame, ...]:
    """Tables of two layers, in which CKA at a fifth of training follows size and rank.

    At every other step it does the opposite.
    """
    generator = np.random.default_rng(0)
    layers, matrices, gradients = [], [], []
    for run in suite().itertuples():
        size = np.log(run.params_non_embedding / 4000) / np.log(4)  # -1, 0, 1
        for layer in (1, 2):
            for part, matrix in (("attention", "OV"), ("mlp", "down")):
                rank = generator.uniform(-1, 1)
                for step in STEPS:
                    sign = 1 if step == 200 else -1
                    cka = 0.85 + sign * (0.08 * by_size * size + 0.05 * by_rank * rank)
                    cka += 0.01 * generator.standard_normal()
                    place = {"run": run.run, "step": step, "layer": layer}
                    layers.append(
                        place
                        | {"domain": "id", "part": part}
                        | {"cka_to_last_debiased": 1.0 if step == 1000 else cka}
                    )
                    heads = (0, 1) if matrix == "OV" else (None,)
                    for head in heads:
                        off = 0.0 if head is None else 0.1 * (head - 0.5)  # the mean counts
                        row = place | {"layer": layer - 1, "matrix": matrix, "head": head}
                        value = {"proportional_effective_rank": 0.7 + 0.1 * rank + off}
                        matrices.append(row | value)
                        gradients.append(row | value)
    return pd.DataFrame(layers), pd.DataFrame(matrices), pd.DataFrame(gradients)


def verdicts(tables: tuple[pd.DataFrame | None, ...]) -> tuple[list[str], pd.DataFrame]:
    layers, matrices, gradients = tables
    assert layers is not None
    found = convergence(suite(), layers, matrices, gradients)
    claims, tests = judge(CLAIMS, Findings({"convergence": found}, resamples=500, seed=0))
    to_arrow(claims, NEIGHBOURS)
    to_arrow(tests, NEIGHBOUR_TESTS)
    return [claim["verdict"] for claim in claims], pd.DataFrame(tests)


@pytest.mark.parametrize(
    ("by_size", "by_rank", "expected"),
    [
        (1.0, 2.0, ["holds", "holds"]),
        (-1.0, 2.0, ["fails", "holds"]),
        (1.0, -1.0, ["holds", "fails"]),
        (0.0, 0.0, ["undecided", "undecided"]),
    ],
)
def test_verdicts_are_the_planted_ones(by_size: float, by_rank: float, expected: list[str]) -> None:
    found, tests = verdicts(planted(by_size, by_rank))
    assert found == expected
    assert set(tests.query("claim == 2 and decides")["part"]) == {
        "OV: weights", "down: weights", "OV: gradients", "down: gradients",
    }  # fmt: skip


def test_size_that_moves_both_is_seen_given_size() -> None:
    layers, matrices, _ = planted(1.0, 0.0)
    sizes = matrices["run"].str.split("_").str[0].map({"1K": 0.5, "4K": 0.6, "16K": 0.7})
    noise = np.random.default_rng(1).normal(0, 0.01, len(matrices))
    matrices = matrices.assign(proportional_effective_rank=sizes + noise)
    _, tests = verdicts((layers, matrices, None))
    by_part = tests.set_index("part")
    assert by_part.loc["down: weights", "verdict"] == "holds"
    assert abs(by_part.loc["down: weights, given size", "observed"]) < 0.4
    assert by_part.loc["down: weights, given size", "verdict"] == "undecided"


def test_a_fifth_of_training_is_the_nearest_checkpoint() -> None:
    layers, matrices, _ = planted(1.0, 1.0)
    found = convergence(suite(), layers, matrices, None)
    assert set(found["step"]) == {200} and len(found) == 18 * 4
    assert found["gradient_per"].isna().all()
    to_arrow(found[CONVERGENCE.schema.names], CONVERGENCE)
    one = found[
        (found["run"] == "4K_bs16") & (found["layer"] == 2) & (found["part"] == "attention")
    ]
    rows = matrices[(matrices["run"] == "4K_bs16") & (matrices["step"] == 200)]
    rows = rows[(rows["layer"] == 1) & (rows["matrix"] == "OV")]
    expected = rows["proportional_effective_rank"].mean()
    assert one["weights_per"].item() == pytest.approx(expected)
    # no checkpoint lies near enough
    late = layers[layers["step"] != 200]
    assert convergence(suite(), late, matrices, None).empty


def test_without_data_nothing_is_decided() -> None:
    layers, _, _ = planted(1.0, 1.0)
    assert verdicts((layers, None, None))[0] == ["holds", "undecided"]
    assert verdicts((layers[layers["step"] == 0], None, None))[0] == ["undecided", "undecided"]
