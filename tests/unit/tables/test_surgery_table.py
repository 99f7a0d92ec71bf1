"""The table of surgery: each result beside its reference, and none without its sham."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import pytest
from trained import Bench

from disentangle.errors import StudyError
from disentangle.study.perturbation import operated, recovered
from disentangle.tables.files import read_tables, write_table
from disentangle.tables.passages import Passages
from disentangle.tables.surgery import SPECTRA, SURGERY, refuse_without_sham, surgery_rows

STAGES = ("operated", "head", "all")
BYTES = [100, 150, 50, 200]
LOSS = {
    "base": 2.0,
    "surgery-cut": 2.5,
    "surgery-sham-head": 1.9,
    "surgery-sham-all": 1.8,
    "surgery-cut-head": 2.0,
    "surgery-cut-all": 1.7,
}


@dataclass
class Planted:
    run: str
    measured: pd.DataFrame
    evaluation: pd.DataFrame
    passages: pd.DataFrame

    def rows(self, bench: Bench, **changes: pd.DataFrame) -> pd.DataFrame:
        given = {"measured": self.measured, "evaluation": self.evaluation} | changes
        found = surgery_rows(
            given["measured"], given["evaluation"], Passages(self.passages), bench.runs[:1], ["id"]
        )
        return found.set_index(["operation", "stage"])


def variant_of(operation: str, stage: str) -> str:
    if stage == "operated":
        return "base" if operation == "sham" else operated(operation)
    return recovered(operation, stage)


@pytest.fixture
def planted(bench: Bench) -> Planted:
    run = bench.runs[0].name
    measured = [
        {"run": run, "step": 16, "operation": operation, "stage": stage, "note": ""}
        | {"variant": variant_of(operation, stage)}
        for operation in ("sham", "cut")
        for stage in STAGES
    ]
    noise = np.random.default_rng(0)
    shared = noise.normal(0, 30, 4)
    place: dict[str, Any] = {"run": run, "step": 16}
    passages, evaluation = [], []
    for variant, loss in LOSS.items():
        bits = loss * np.array(BYTES) + shared + noise.normal(0, 3, 4)
        bits += (loss * sum(BYTES) - bits.sum()) / 4
        passages.append(
            place | {"variant": variant, "domain": "id", "bits": bits, "bytes": np.array(BYTES)}
        )
        for metric, value in (("bits_per_byte", loss), ("loss", 9.0)):
            evaluation.append(
                place | {"variant": variant, "task": "heldout_id", "metric": metric, "value": value}
            )
    return Planted(run, pd.DataFrame(measured), pd.DataFrame(evaluation), pd.DataFrame(passages))


def test_an_operation_is_compared_with_the_base_and_a_recovery_with_its_sham(
    bench: Bench, planted: Planted
) -> None:
    rows = planted.rows(bench)
    assert rows["id_bits_per_byte"].to_dict() == {
        (operation, stage): LOSS[variant_of(operation, stage)]
        for operation in ("sham", "cut")
        for stage in STAGES
    }
    differences = rows["id_bits_per_byte_difference"]
    assert differences["cut"].to_dict() == pytest.approx(
        {"operated": 2.5 - 2.0, "head": 2.0 - 1.9, "all": 1.7 - 1.8}
    )
    assert differences["sham"].isna().all()
    assert set(rows["seed"]) == {0} and set(rows["size"]) == {"2K"}


def test_errors_are_taken_passage_by_passage(bench: Bench, planted: Planted) -> None:
    rows = planted.rows(bench)
    bits = {each.variant: each.bits for each in planted.passages.itertuples()}
    errors = rows["id_bits_per_byte_difference_stderr"]
    for stage, reference in (("operated", "base"), ("head", "surgery-sham-head")):
        difference = bits[variant_of("cut", stage)] - bits[reference]
        # a ratio of sums (Cochran 1977, 6.4), by hand
        residual = difference - difference.sum() / sum(BYTES) * np.array(BYTES)
        by_hand = math.sqrt(4 / 3 * (residual**2).sum()) / sum(BYTES)
        assert errors["cut", stage] == pytest.approx(by_hand)
    assert errors["sham"].isna().all()


@pytest.mark.parametrize("stage", STAGES)
def test_a_result_without_its_sham_is_refused(bench: Bench, planted: Planted, stage: str) -> None:
    at = (planted.measured["operation"] == "sham") & (planted.measured["stage"] == stage)
    alone = planted.measured[~at]
    with pytest.raises(StudyError) as refused:
        planted.rows(bench, measured=alone)
    assert f"{planted.run} cut, {stage}" in str(refused.value)
    assert "delete the files" in str(refused.value)
    refuse_without_sham(planted.measured)


def test_the_sham_of_another_run_is_none(planted: Planted) -> None:
    elsewhere = planted.measured["run"].where(planted.measured["operation"] == "cut", "other")
    with pytest.raises(StudyError, match="have no sham"):
        refuse_without_sham(planted.measured.assign(run=elsewhere))


def test_a_sham_that_diverged_leaves_no_difference_and_a_note(
    bench: Bench, planted: Planted
) -> None:
    of_sham = (planted.measured["operation"] == "sham") & (planted.measured["stage"] == "all")
    measured = planted.measured.assign(
        note=planted.measured["note"].mask(of_sham, "its recovery diverged after step 3")
    )
    evaluation = planted.evaluation[planted.evaluation["variant"] != "surgery-sham-all"]
    rows = planted.rows(bench, measured=measured, evaluation=evaluation)
    assert math.isnan(rows.loc[("cut", "all"), "id_bits_per_byte_difference"])
    assert rows.loc[("cut", "all"), "id_bits_per_byte"] == LOSS["surgery-cut-all"]
    assert "there is no sham: its recovery diverged" in rows.loc[("cut", "all"), "note"]
    assert rows.loc[("cut", "head"), "note"] == ""


def test_it_is_written_with_the_meaning_of_every_column(
    bench: Bench, planted: Planted, tmp_path: Any
) -> None:
    unknown = {name: math.nan for name, *_ in SPECTRA.columns if name not in planted.measured}
    texts = {"kind": "sham", "matrices": "", "numerics": ""}
    measured = planted.measured.assign(**unknown | texts | {"steps": 0})
    rows = planted.rows(bench, measured=measured).reset_index()
    write_table(rows, SURGERY, tmp_path / "surgery.parquet")
    again = read_tables([tmp_path / "surgery.parquet"])
    assert list(again)[:3] == ["run", "seed", "size"]
    assert list(again)[-3:] == [
        "id_bits_per_byte",
        "id_bits_per_byte_difference",
        "id_bits_per_byte_difference_stderr",
    ]
    assert SURGERY.further is not None
    assert "the sham at the same stage" in SURGERY.further("id_bits_per_byte_difference")
    assert "Standard error" in SURGERY.further("id_bits_per_byte_difference_stderr")
    assert SURGERY.further("id_bits_per_byte").endswith("domain id, bits per byte")
