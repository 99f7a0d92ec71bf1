"""The plan says how far training goes, and warns of models that are hardly trained."""

from math import nan
from types import SimpleNamespace
from typing import Any

from disentangle.planning.regime import regimes_as_text
from disentangle.study.regime import Regime

RUNS: Any = [
    SimpleNamespace(name=name, size=SimpleNamespace(name=size))
    for name, size in (("a", "1K"), ("b", "1K"), ("c", "4K"))
]
TRAINED = Regime(16_000, 24, 0.05, 1.5, 64)


def test_each_size_has_a_line_of_ranges() -> None:
    found = {"a": TRAINED, "b": Regime(250, 4, 0.05, 1.5, 64), "c": Regime(9, 30, 0.05, nan, 32)}
    title, _, heads, _, small, large = regimes_as_text(RUNS, found)[1:]
    assert "tau, AdamW's memory" in title
    assert heads.split()[:3] == ["size", "tokens", "a"]
    assert small.split() == ["1K", "250-16,000", "4-24", "0.05", "1.5", "64"]
    assert large.split() == ["4K", "9", "30", "0.05", "?", "32"]


def test_models_close_to_their_initialisation_are_warned_of() -> None:
    young = Regime(4, 0.1, 0.05, 1, 64)
    *_, warning = regimes_as_text(RUNS, {"a": young, "b": young, "c": TRAINED}, None)
    assert warning.startswith(
        "Most of these models are still close to their initialisation: 2 of 3"
    )
    assert regimes_as_text([], {}) == []
