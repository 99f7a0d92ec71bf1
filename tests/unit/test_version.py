"""One version, wherever the project states it."""

import re
import tomllib

import yaml
from pages import ROOT

import disentangle


def test_the_package_its_citation_and_its_changelog_state_one_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    cited = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    changelog = (ROOT / "CHANGELOG.md").read_text()
    newest = re.search(r"^## (\S+), (\d{4}-\d\d-\d\d)$", changelog, re.MULTILINE)
    assert newest and newest[2] == str(cited["date-released"])
    assert disentangle.__version__ == project["version"] == cited["version"] == newest[1]
