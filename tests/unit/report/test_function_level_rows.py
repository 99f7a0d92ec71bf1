"""Metrics of W stand beside those that the function fixes, in one order."""

import pandas as pd

from disentangle.report.function_level import beside_function_level


def associations(metrics: list[str]) -> pd.DataFrame:
    return pd.DataFrame(
        [
            {"outcome": outcome, "metric": metric, "rho": -0.5}
            for outcome in ("id_bits_per_byte", "code_bits_per_byte")
            for metric in metrics
        ]
    )


def test_each_metric_of_w_is_followed_by_its_like() -> None:
    metrics = [
        f"{matrix}_{metric}"
        for matrix in ("W", "H", "Wproj", "Wfisher", "Wfisher_code", "Wlogit")
        for metric in ("stable_rank", "effective_rank_pct", "isoscore")
    ]
    found = beside_function_level(associations(metrics), "id_bits_per_byte")
    matrices = ["W", "Wproj", "Wfisher", "Wlogit"]
    assert found["metric"].tolist() == [
        *(f"{matrix}_effective_rank_pct" for matrix in matrices),
        *(f"{matrix}_stable_rank" for matrix in matrices),
    ]
    assert set(found["outcome"]) == {"id_bits_per_byte"}
    assert found.columns.tolist() == ["outcome", "metric", "rho"]


def test_there_is_nothing_beside_w_alone() -> None:
    found = beside_function_level(associations(["W_stable_rank", "H_stable_rank"]), "id_loss")
    assert found.empty
