"""What the pages name is there: targets, commands, links of pages that are not on the site."""

import re
from pathlib import Path

import pytest
from pages import FENCED, PAGES, ROOT, blocks, commands, name_of

from disentangle.commands.document import TARGETS
from disentangle.study.file import read_mappings
from disentangle.study.read import read_config

LANGUAGES = {"sh", "python", "yaml", "text", "py", "pycon", "{toctree}"}
"""Of blocks: py and pycon are signatures and examples of docstrings, which other tests run."""

SIZES = """
sizes:
  - {name: 60M, d_model: 512, n_layers: 12, n_heads: 8}
  - {name: 250M, d_model: 1024, n_layers: 16, n_heads: 16}
"""
ASSUMED = {"docs/cluster.md": SIZES, "docs/how-to/gpus.md": SIZES}
"""What excerpts of study files on a page take for granted."""

PROFILES = {"pbs/config.yaml"}
"""Files that tell Snakemake of a site, and not a study."""

OFF_THE_SITE = [ROOT / name for name in ("README.md", "CHANGELOG.md", "results/README.md")]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_every_block_says_what_it_is(page: Path) -> None:
    assert {block.language for block in blocks(page)} <= LANGUAGES
    bare = FENCED.sub("", page.read_text())
    assert "```" not in bare
    commanded = r"^ {4,}(?:make|snakemake|disentangle|python|pip|git|sh|bash|cd|rm) .*$"
    assert re.findall(commanded, bare, flags=re.MULTILINE) == [], "put it into a block of sh"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_commands_named_in_sentences_exist(page: Path) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE))
    text = FENCED.sub("", page.read_text())
    for target in re.findall(r"`make ([a-z-]+)", text):
        assert target in targets, f"make {target}"
    (ours,) = re.findall(
        r"\n## disentangle\n(.*)", (ROOT / "docs/commands.md").read_text(), re.DOTALL
    )
    for command in re.findall(r"`disentangle ([a-z]+)", text):
        assert f"\n### disentangle {command}" in ours
    for command in re.findall(r"`snakemake ([^`]*)`", text):
        words = command.split("--configfile")[0].split()
        named = {word for word in words if word.isalpha() and word.islower()} - {"slurm", "pbs"}
        assert named <= {*TARGETS, "conda", "draw", "figures"}, command


@pytest.mark.parametrize("page", OFF_THE_SITE, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    """Those of the other pages are checked by `make docs`."""
    for target in re.findall(r"\]\((?!https?:)([^)\s]+)\)", page.read_text()):
        file, _, anchor = target.partition("#")
        assert (page.parent / file).exists(), target
        if anchor:
            headings = re.findall(
                r"^#+ (.*)$", (page.parent / file).read_text(), flags=re.MULTILINE
            )
            slugs = {re.sub(r"[^\w -]", "", one.lower()).replace(" ", "-") for one in headings}
            assert anchor in slugs, target


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_study_files_are_valid(page: Path, tmp_path: Path) -> None:
    """Laid over the default study, whole files and excerpts alike."""
    for block in blocks(page):
        if block.language == "yaml" and block.file not in PROFILES:
            study, assumed = tmp_path / "study.yaml", tmp_path / "assumed.yaml"
            study.write_text(block.text)
            assumed.write_text(ASSUMED.get(name_of(page), "study: mine\n"))
            read_config(read_mappings([ROOT / "config.yaml", assumed, study]), block.text)


def test_commands_are_read_as_a_reader_gives_them(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(
        "1. Do\n\n   ```sh\n   make a   # why\n\n   tool \\\n     --b\n   ```\n\n"
        "```python\n# x.py\n1\n```\n\n```python\nprint(1)\n```\n\n```text\n1\n```\n"
    )
    shell, file, printed, text = blocks(page)
    assert commands(shell) == ["make a", "tool    --b"]
    assert (file.file, file.shown, printed.shown, text.language) == ("x.py", None, "1\n", "text")
