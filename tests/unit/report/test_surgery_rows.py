"""The report's section on surgery: means over runs, and intervals over seeds."""

import numpy as np
import pandas as pd
import pytest

from disentangle.report.surgery import surgery


def planted(seeds: int = 8) -> pd.DataFrame:
    """A cut loses .5 bits per byte, of which .1 are left after training all weights."""
    lost = {("cut", "operated"): 0.5, ("cut", "head"): 0.3, ("cut", "all"): 0.1}
    rows = []
    for seed in range(seeds):
        for operation in ("cut", "sham"):
            for stage in ("operated", "head", "all"):
                wiggle = 0.01 * (-1) ** seed
                change = lost.get((operation, stage), np.nan)
                rows.append(
                    {
                        "run": f"r{seed}", "seed": seed, "operation": operation, "stage": stage,
                        "kind": "truncate" if operation == "cut" else "sham", "matrices": "W",
                        "steps": 0 if stage == "operated" else 100, "effective_rank_pct": 40.0,
                        "projected_effective_rank_pct": 41.0, "norm": 2.0, "temperature": np.nan,
                        "id_bits_per_byte": 3 + np.nan_to_num(change) + wiggle,
                        "id_bits_per_byte_difference": change + wiggle,
                    }
                )  # fmt: skip
    return pd.DataFrame(rows)


def test_each_operation_is_shown_at_each_stage_after_the_sham() -> None:
    shown = surgery(planted())
    assert shown is not None and shown["steps"] == 100
    assert [(row["operation"], row["stage"]) for row in shown["rows"]] == [
        *[("sham", stage) for stage in ("operated", "head", "all")],
        *[("cut", stage) for stage in ("operated", "head", "all")],
    ]
    by = {(row["operation"], row["stage"]): row for row in shown["rows"]}
    assert by["sham", "all"]["change"] == "–"
    for stage, value in (("operated", 0.5), ("head", 0.3), ("all", 0.1)):
        mean, low, high = by["cut", stage]["change"].replace("[", "").replace("]", "").split()
        assert float(mean) == pytest.approx(value, abs=0.005)
        assert float(low.rstrip(",")) <= value <= float(high)
    assert by["cut", "operated"]["loss"] == pytest.approx(3.5)


def test_nothing_is_shown_without_surgery() -> None:
    assert surgery(None) is None
    assert surgery(pd.DataFrame()) is None
