"""What the report says of compression: rank and cost, and the chosen truncations by size."""

import pandas as pd

from disentangle.report.neighbours import neighbours
from disentangle.study.findings import TABLES
from disentangle.tables.compression import CHOSEN_TRUNCATIONS, COMPRESSION
from disentangle.tables.neighbours import NEIGHBOUR_TESTS, NEIGHBOURS

NAN = float("nan")


def tables(chosen: list[dict[str, object]]) -> dict[str, pd.DataFrame]:
    ranks = dict.fromkeys(COMPRESSION.schema.names, NAN) | {"variant": "pruned-50", "n": 9}
    ranks |= {"residual": 0.4, "residual_low": 0.1, "residual_high": 0.6}
    return {
        "neighbours": NEIGHBOURS.schema.empty_table().to_pandas(),
        "neighbour_tests": NEIGHBOUR_TESTS.schema.empty_table().to_pandas(),
        "compression": pd.DataFrame([ranks]),
        "chosen_truncations": pd.DataFrame(chosen, columns=CHOSEN_TRUNCATIONS.schema.names),
    }


def test_models_are_counted_by_the_side_of_zero_that_their_interval_is_on() -> None:
    rows = [
        {"size": "1K", "variant": "truncated-a", "added_chosen": -0.02}
        | {"added": added, "added_low": added - 0.01, "added_high": added + 0.01}
        for added in (-0.02, -0.005, 0.02, 0.03)
    ]
    rows.append(rows[0] | {"size": "2K", "variant": "truncated-b"})
    found = neighbours(tables(rows))
    assert found is not None
    first, second = found["compression"]["chosen"]
    assert (first["size"], first["runs"], first["below"], first["above"]) == ("1K", 4, 1, 2)
    assert (second["usual"], second["below"], second["above"]) == ("truncated-b", 1, 0)
    (row,) = found["compression"]["rows"]
    assert row["residual"].split() == ["+0.40", "[+0.10,", "+0.60]"]


def test_nothing_truncated_shows_no_choice() -> None:
    found = neighbours(tables([]))
    assert found is not None and found["compression"]["chosen"] == []


def test_a_finding_that_was_not_looked_for_is_none_and_not_missing() -> None:
    """The template refuses what is missing."""
    found = neighbours(tables([]))
    assert found is not None
    assert [name for name in TABLES if found[name] is not None] == ["compression"]
