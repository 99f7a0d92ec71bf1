"""Studies with planted tables: what differs, which verdicts agree, what is pooled and why not."""

import math
import re
from pathlib import Path

import pandas as pd
import pytest
from planted_studies import design, write_frame, write_study

from disentangle.comparison.design import Difference, differences, numbers
from disentangle.comparison.forest import interval
from disentangle.comparison.page import write_page
from disentangle.comparison.pooling import associations_of, obstacle, shared_models
from disentangle.comparison.random_effects import pool, z_error
from disentangle.comparison.study import Compared, read_compared
from disentangle.comparison.verdicts import agreement_of, claims_of, in_one_sentence
from disentangle.errors import StudyError
from disentangle.parquet import read_parquet, write_parquet

ESTIMATE = (-0.4, -0.6, -0.1)
CLAIMS = {1: ("holds", ESTIMATE), 2: ("undecided", (0.1, -0.2, 0.4))}


def two(folder: Path, **other: object) -> list[Compared]:
    """Two studies that may be pooled, but for what `other` changes in the second."""
    write_study(folder / "a", claims=CLAIMS, weights=["x", "y"], design=design())
    changed = {"claims": CLAIMS, "weights": ["z"], "design": design(), **other}
    write_study(folder / "b", **changed)  # type: ignore[arg-type]
    return read_compared([str(folder / "a"), str(folder / "b")])


@pytest.mark.parametrize(
    ("verdicts", "together"),
    [
        (["holds", "holds"], "agree"),
        (["fails", "fails", "fails"], "agree"),
        (["holds", "fails"], "contradict"),
        (["holds", None, "fails"], "contradict"),
        (["holds", "undecided"], "one decides"),
        (["undecided", "undecided"], "undecided"),
        (["holds", None], "not asked of all"),
    ],
)
def test_verdicts_go_together(verdicts: list[str | None], together: str) -> None:
    assert agreement_of(verdicts) == together


def test_claims_are_read_with_their_numbers(tmp_path: Path) -> None:
    other = {1: ("fails", (0.6, 0.3, 0.8)), 3: ("holds", ESTIMATE)}
    first, second, third = claims_of(two(tmp_path, claims=other), "claims")
    assert (first.agreement, first.not_drawn) == ("contradict", "")
    ours, theirs = first.found
    assert ours is not None and (ours.value, ours.low, ours.high) == ESTIMATE
    assert theirs is not None and theirs.verdict == "fails"
    assert second.found[1] is None and third.found[0] is None
    assert second.not_drawn == "fewer than two intervals"
    assert in_one_sentence([first, second, third]) == (
        "3 claims: 1 that hold in one study and fail in another, 2 not asked of all."
    )


def test_different_tests_are_not_drawn_together(tmp_path: Path) -> None:
    first, _ = claims_of(two(tmp_path, test="ood_bits_per_byte: raw"), "claims")
    assert first.not_drawn == "different tests decide"


def test_keys_that_differ_are_named_and_others_not(tmp_path: Path) -> None:
    sizes = [{"name": "1K", "d_model": 8}, {"name": "8K", "d_model": 32}]
    changed = design(sizes=sizes, execution={"threads": 64}, study="b")
    changed["corpus"]["limit"] = 2000
    found = differences(two(tmp_path, design=changed))
    assert found == [
        Difference("corpus", "limit", ("1000", "2000")),
        Difference("sizes", "4K", ('{"d_model": 16}', "-")),
        Difference("sizes", "8K", ("-", '{"d_model": 32}')),
    ]


def test_the_regime_is_given_in_ranges(tmp_path: Path) -> None:
    studies = two(tmp_path)
    regime = pd.DataFrame({"run": ["p", "q"], "epochs": [0.51234, 3.0], "steps_over_tau": [2, 2]})
    write_frame(regime, tmp_path / "a" / "tables" / "regime.parquet")
    rows = dict(numbers(read_compared([str(study.folder) for study in studies])))
    assert rows["epochs of the text"] == ("0.512 to 3", "-")
    assert rows["steps over tau, AdamW's memory"] == ("2", "-")


def test_alike_studies_of_different_models_are_pooled(tmp_path: Path) -> None:
    residual, *_ = associations_of(two(tmp_path, residual=(0.3, -0.1, 0.6)))
    assert (residual.estimator, residual.reason) == ("residual ρ", "")
    by_hand = pool([0.5, 0.3], [z_error(0.2, 0.7), z_error(-0.1, 0.6)])
    assert residual.pooled == by_hand
    assert residual.found[1] == (0.3, -0.1, 0.6)


def test_correlations_within_cells_are_pooled_too(tmp_path: Path) -> None:
    write_study(tmp_path / "a", claims=CLAIMS, weights=["x"], design=design(), within=(0.4, 0, 0.7))
    write_study(tmp_path / "b", claims=CLAIMS, weights=["y"], design=design(), within=(0.2, -1, 1))
    write_study(
        tmp_path / "c", claims=CLAIMS, weights=["z"], design=design(), within=(-0.1, -0.6, 0.5)
    )
    without, pooled = (
        associations_of(read_compared([str(tmp_path / name) for name in names]))[-1]
        for names in ("ab", "ac")
    )
    assert (without.estimator, without.reason) == ("within-cell ρ", "no usable interval in b")
    assert pooled.pooled == pool([0.4, -0.1], [z_error(0, 0.7), z_error(-0.6, 0.5)])


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"weights": ["z", "y"]}, "the studies share models (1 of them)"),
        ({"design": design("b.txt")}, "id is measured on different text: a.txt / b.txt"),
        (
            {"design": design(evaluation={"passages": 7})},
            "id is measured on other passages of the same source",
        ),
        ({"design": None}, "on which text id is measured is not known of b"),
        ({"residual": (0.3, math.nan, math.nan)}, "no usable interval in b"),
        ({"residual": (1.0, 0.9, 1.0)}, "no usable interval in b"),
        ({"controls": "params_non_embedding"}, "given different training choices (a: "),
    ],
)
def test_what_is_not_sound_is_not_pooled_and_says_why(
    other: dict[str, object], reason: str, tmp_path: Path
) -> None:
    residual, *_ = associations_of(two(tmp_path, **other))
    assert residual.pooled is None
    assert residual.reason.startswith(reason)


def test_passages_are_compared_by_their_files_where_these_are_kept(tmp_path: Path) -> None:
    studies = two(tmp_path)
    for study in studies:
        file = study.folder / "corpus" / "heldout" / "id.parquet"
        file.parent.mkdir(parents=True)
        file.write_text("the same")
    assert not obstacle(studies, "id_bits_per_byte")
    file.write_text("others")
    assert obstacle(studies, "id_bits_per_byte").startswith("id is measured on other passages")


def test_the_order_of_controls_does_not_matter(tmp_path: Path) -> None:
    residual, *_ = associations_of(two(tmp_path, controls="batch_size, params_non_embedding"))
    assert residual.pooled is not None


def test_models_without_weights_are_told_apart_by_name(tmp_path: Path) -> None:
    studies = two(tmp_path, weights=())
    rows = pd.DataFrame({"run": ["m"], "final": [True], "variant": ["base"]})
    for name in ("a", "b"):
        (tmp_path / name / "tables" / "checkpoints.parquet").unlink(missing_ok=True)
        write_frame(rows, tmp_path / name / "tables" / "observations.parquet")
    assert shared_models(read_compared([str(study.folder) for study in studies])) == 1


def test_the_page_opens_offline_and_escapes_what_it_shows(tmp_path: Path) -> None:
    hostile = design(tokenizer={"source": "<script>alert(1)</script>"})
    studies = two(tmp_path, design=hostile)
    write_page(studies, tmp_path / "out" / "page.html")
    page = (tmp_path / "out" / "page.html").read_text()
    assert "<script" not in page and "&lt;script&gt;alert(1)" in page
    assert not re.search(r"""(?:src|href)=["'](?!#)|@import|url\(""", page)
    assert page.count('<svg class="forest"') == 2 + 1  # two claims, the residual correlation
    assert "<polygon" in page and "From two studies its interval is wide" in page
    assert "different text" not in page


def test_a_page_says_why_nothing_is_pooled(tmp_path: Path) -> None:
    write_page(two(tmp_path, weights=["x"]), tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    assert "<polygon" not in page
    assert "the studies share models (1 of them): they are not independent" in page


def test_faults_are_for_people(tmp_path: Path) -> None:
    folder = write_study(tmp_path / "a", claims=CLAIMS)
    with pytest.raises(StudyError, match="Study absent not found"):
        read_compared([str(folder), "absent"])
    with pytest.raises(StudyError, match="given twice"):
        read_compared([str(folder), f"{folder}/"])
    (folder / "tables" / "claims.parquet").unlink()
    with pytest.raises(StudyError, match="make the study's report first"):
        read_compared([str(folder)])


def test_studies_of_one_name_are_called_by_their_folders(tmp_path: Path) -> None:
    for place in ("x", "y"):
        write_study(tmp_path / place / "a", claims=CLAIMS)
    names = [str(tmp_path / place / "a") for place in ("x", "y")]
    assert [study.name for study in read_compared(names)] == names


def test_tables_of_another_version_are_not_compared(tmp_path: Path) -> None:
    folders = [write_study(tmp_path / name, claims=CLAIMS) for name in "ab"]
    path = folders[1] / "tables" / "claims.parquet"
    arrow = read_parquet(path)
    later = {**arrow.schema.metadata, b"version": b"99.0"}
    write_parquet(arrow.replace_schema_metadata(later), path)
    with pytest.raises(StudyError, match=r"claims\.parquet has version '99\.0'"):
        read_compared([str(folder) for folder in folders])


@pytest.mark.parametrize(
    ("estimate", "shown"),
    [
        ((-0.4649, -0.61, -0.286), "-0.46 [-0.61, -0.29]"),
        ((1.0, 0.9, 1.0), "+1.00 [+0.90, +1.00]"),
        ((27.0, 27.0, 27.0), "27 [27, 27]"),
        ((0.0, 0.0, 0.0), "0 [0, 0]"),
        ((-1.0, -1.0, 0.0), "-1.00 [-1.00, +0.00]"),
        ((0.3, math.nan, math.nan), "+0.30"),
        ((math.nan, -1.0, 1.0), "-"),
    ],
)
def test_counts_have_no_sign_and_no_decimals(
    estimate: tuple[float, float, float], shown: str
) -> None:
    assert interval(*estimate) == shown
