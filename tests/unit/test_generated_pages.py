"""The pages that are made from code are of this code, and the pages say the same elsewhere."""

import argparse
import re
import subprocess
import sys
from pathlib import Path

import disentangle
from disentangle.commands.__main__ import parser
from disentangle.commands.document import TARGETS, commands_document
from disentangle.vocabulary.document import metrics_document
from disentangle.vocabulary.metrics import METRICS

ROOT = Path(__file__).parents[2]
MAKEFILE = (ROOT / "Makefile").read_text()


def test_the_page_of_commands_is_of_this_code() -> None:
    assert (ROOT / "docs/commands.md").read_text() == commands_document(MAKEFILE), (
        "write it anew: python -m disentangle.commands.document > docs/commands.md"
    )


def test_the_page_of_metrics_is_of_this_code() -> None:
    assert (ROOT / "docs/metrics.md").read_text() == metrics_document(), (
        "write it anew: python -m disentangle.vocabulary.document > docs/metrics.md"
    )
    assert metrics_document().count("\n| `") > len(METRICS)


def test_the_page_of_the_api_is_of_this_code() -> None:
    page = subprocess.run(
        [sys.executable, ROOT / "docs/api_page.py"], capture_output=True, text=True, check=True
    )
    assert (ROOT / "docs/api.md").read_text() == page.stdout, (
        "write it anew: python docs/api_page.py > docs/api.md"
    )
    shown = set(re.findall(r"^`from disentangle import (\w+)`$", page.stdout, flags=re.MULTILINE))
    assert shown == set(disentangle.__all__)


def test_every_name_on_the_page_can_be_imported() -> None:
    page = (ROOT / "docs/api.md").read_text()
    imports = re.findall(r"^`(from [\w.]+ import \w+)`$", page, flags=re.MULTILINE)
    assert len(imports) > 20
    for statement in imports:
        exec(statement, {})


def test_every_command_and_option_is_on_the_page() -> None:
    page = commands_document(MAKEFILE)
    (commands,) = (
        each for each in parser()._actions if isinstance(each, argparse._SubParsersAction)
    )
    assert {f"\n### disentangle {name}" in page for name in commands.choices} == {True}
    assert "`--max-tokens N`" in page and "`STUDY.yaml` ..." in page


def test_the_targets_are_those_of_the_workflow() -> None:
    rules = "\n".join(path.read_text() for path in (ROOT / "workflow/rules").glob("*.smk"))
    text = (ROOT / "Snakefile").read_text()
    assert set(TARGETS) <= set(re.findall(r"^rule (\w+):", rules + text, flags=re.MULTILINE))
    named = re.search(r"Named targets: (.*?)\.\n", text, flags=re.DOTALL)
    assert named is not None
    assert set(re.findall(r"[a-z]+", named[1].replace("default", ""))) | {"warm"} == set(TARGETS)
