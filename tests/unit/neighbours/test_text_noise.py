"""Noise in the training text: late rises that follow noise and size are found."""

from itertools import product

import numpy as np
import pandas as pd
import pytest

from disentangle.claims.judge import judge
from disentangle.claims.neighbours.evidence import Findings
from disentangle.claims.neighbours.text_noise import CLAIMS
from disentangle.figures.text_noise import text_noise_figure
from disentangle.neighbours.suite import Suite
from disentangle.neighbours.text_noise import tables_of
from disentangle.tables.files import to_arrow
from disentangle.tables.neighbours import TEXT_NOISE

SIZES = {"1K": 1000, "4K": 4000, "16K": 16000}


def suite(by_noise: float, by_size: float) -> Suite:
    # intervals over a dozen cells are too short (docs/neighbours.md); this draw is not an exception
    generator = np.random.default_rng(4000)
    rows, judged = [], []
    for (size, weights), noise, seed in product(SIZES.items(), (0.0, 0.1, 0.3, 0.6), range(4)):
        run = f"{size}_noise{noise}_s{seed}"
        rise = 0.5 + by_noise * noise + by_size * noise * np.log(weights / 4000)
        rise += 0.03 * generator.standard_normal()
        rows.append(
            {
                "run": run, "size": size, "params_non_embedding": weights, "step": 100,
                "tokens_budget": 10**6, "batch_size": 16, "weight_decay": 0.1,
                "learning_rate": 0.01, "learning_rate_multiple": 1.0, "final_lr": 0.1,
                "text_tokens": 50_000, "token_noise": noise, "seed": seed, "variant": "base",
                "final": True, "arm": "", "late": "", "configuration": f"noise{noise}",
                "id_bits_per_byte": 3 + rise,
            }
        )  # fmt: skip
        verdict = "saturated" if rise > 0.6 else "undecided"
        losses = {"outcome": "id_bits_per_byte", "degradation": rise, "verdict": verdict}
        judged.append({"run": run, **losses})
        judged.append({"run": run, **losses, "outcome": "code_bits_per_byte", "degradation": 9.0})
    return Suite(pd.DataFrame(rows), saturation=pd.DataFrame(judged), resamples=300)


@pytest.mark.parametrize(
    ("by_noise", "by_size", "expected"),
    [
        (0.5, 0.1, ["holds", "holds"]),
        (-0.5, -0.1, ["fails", "fails"]),
        (0.0, 0.0, ["undecided", "undecided"]),
    ],
)
def test_planted_rises_are_found(by_noise: float, by_size: float, expected: list[str]) -> None:
    found = tables_of(suite(by_noise, by_size))
    table = found["text_noise"]
    to_arrow(table[TEXT_NOISE.schema.names], TEXT_NOISE)
    assert len(table) == 48 and set(table["epochs"]) == {20.0}
    assert table["loss"].to_numpy() == pytest.approx(3)
    claims, _ = judge(CLAIMS, Findings(found, resamples=300, seed=0))
    assert [claim["verdict"] for claim in claims] == expected
    assert len(text_noise_figure(table).axes[0].lines) == 4 * 3


def test_without_the_judge_nothing_is_decided() -> None:
    given = suite(0.5, 0.1)
    found = tables_of(Suite(given.observations))
    claims, _ = judge(CLAIMS, Findings(found, resamples=300, seed=0))
    assert {claim["verdict"] for claim in claims} == {"undecided"}
