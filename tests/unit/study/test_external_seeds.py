"""The seeds of a model from elsewhere: one for both, or one each."""

from typing import Any

import pytest

from disentangle.study.external import ExternalRun


def seeds(**known: Any) -> tuple[Any, Any, Any]:
    covariates = ExternalRun("model", "folder", {1: "."}, None, known).covariates()
    return covariates["seed"], covariates["init_seed"], covariates["data_seed"]


@pytest.mark.parametrize(
    ("known", "wanted"),
    [
        ({}, (None, None, None)),
        ({"seed": 3}, (3, 3, 3)),
        ({"init_seed": 1234, "data_seed": 101}, (None, 1234, 101)),
        ({"seed": 3, "data_seed": 4}, (3, 3, 4)),
        ({"seed": 0}, (0, 0, 0)),
    ],
)
def test_a_seed_that_is_not_said_apart_is_that_of_both(
    known: dict[str, int], wanted: tuple[Any, Any, Any]
) -> None:
    assert seeds(**known) == wanted
