"""The schema that editors read takes every study, and refuses what a study file may not have."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from jsonschema import Draft202012Validator

from disentangle.study.keys import document, replaced
from disentangle.study.schema import schema

ROOT = Path(__file__).parents[3]
STUDIES = [ROOT / "config.yaml", *sorted((ROOT / "studies").glob("*.yaml"))]


def faults(content: Any) -> list[str]:
    return [error.json_path for error in Draft202012Validator(schema()).iter_errors(content)]


def test_the_one_that_is_committed_is_of_this_code() -> None:
    """Else: python -m disentangle.study.schema > studies/schema.json"""
    assert json.loads((ROOT / "studies" / "schema.json").read_text()) == schema()


def test_it_is_a_schema() -> None:
    Draft202012Validator.check_schema(schema())


@pytest.mark.parametrize("path", STUDIES, ids=lambda path: path.stem)
def test_every_study_holds_and_names_it(path: Path) -> None:
    text = path.read_text()
    assert faults(yaml.safe_load(text)) == []
    where = "studies/schema.json" if path.parent == ROOT else "schema.json"
    assert text.startswith(f"# yaml-language-server: $schema={where}\n")


@pytest.mark.parametrize(
    "content",
    [
        {"observations": "suite.csv"},
        {"observations": {"file": "suite.csv", "columns": {"run": "name"}}},
        {"corpus": {"limit": 3000, "heldout": {"code": None}}},
        {"corpus": {"limit": "1.5M"}},
        {"perturbation": {"quantize": None}},
    ],
)
def test_what_a_study_may_say(content: Any) -> None:
    assert faults(content) == []


@pytest.mark.parametrize(
    ("content", "where"),
    [
        ({"corpos": {}}, "$"),
        ({"corpus": {"limit": "many"}}, "$.corpus.limit"),
        ({"design": {"sweeps": [{"batchsize": [8]}]}}, "$.design.sweeps[0]"),
        ({"execution": {"strategy": "pp"}}, "$.execution.strategy"),
        ({"execution": {"threads": 0}}, "$.execution.threads"),
    ],
)
def test_what_it_may_not(content: Any, where: str) -> None:
    assert faults(content) == [where]


def test_keys_are_explained() -> None:
    keys = schema()["$defs"]["Execution"]["properties"]
    assert "The most minutes that a job asks for" in keys["max_runtime"]["description"]


def test_the_docs_have_the_table_of_keys() -> None:
    """Else: python -m disentangle.study.keys docs/studies.md"""
    text = (ROOT / "docs" / "studies.md").read_text()
    assert replaced(text) == text


def test_every_key_says_what_it_means() -> None:
    rows = [line.split(" | ") for line in document().splitlines()[2:]]
    assert len(rows) > 80
    for key, meaning, *_ in rows:
        assert len(meaning.strip()) > 4, key
