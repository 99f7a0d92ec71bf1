"""Generate docs/commands.md: `python -m disentangle.commands.document > docs/commands.md`."""

import argparse
import re
from collections.abc import Iterator
from pathlib import Path

from disentangle.commands.__main__ import parser

_INTRODUCTION = """# Commands

Give all commands in the workflow's folder. `make` uses the environment in `.venv` by itself. For
the others, activate it first: `source .venv/bin/activate`. Without a study file, a command is about
the default study, `config.yaml`.

This page is generated from the Makefile and the command's own parser; a test compares them.
"""

_SNAKEMAKE = """
## snakemake

Put targets before options: `snakemake train --cores 2 --configfile studies/mine.yaml`. A word that
follows `--configfile FILE` is taken for another study file.

| target | what it does |
|---|---|
"""

TARGETS = {
    "all": "make the report, with all that it needs; the default",
    "plan": "show what the study will cost and what is already done",
    "warm": "download what the study needs from the hub",
    "calibrate": "test the estimators on simulations of the study's design",
    "train": "train all runs",
    "perturb": "make all quantized, fine-tuned and otherwise changed checkpoints",
    "geometry": "measure all checkpoints",
    "evaluate": "evaluate all checkpoints",
    "tables": "make all tables",
    "report": "make the report",
    "archive": "pack the finished study into one file",
    "verify": "check such a file: `--config archive=FILE`",
}
"""The targets of the Snakefile that have a name of their own."""


def commands_document(makefile: str) -> str:
    """The whole page.

    Args:
        makefile: the text of the Makefile.
    """
    targets = re.findall(r"^([a-z-]+):.*?## (.*)$", makefile, flags=re.MULTILINE)
    lines = [f"| `make {name}` | {_cell(does)} |" for name, does in targets]
    named = [f"| `{name}` | {does} |" for name, does in TARGETS.items()]
    parts = [_INTRODUCTION, "\n## make\n\n| target | what it does |\n|---|---|\n"]
    parts += ["\n".join(lines), "\n", _SNAKEMAKE, "\n".join(named), "\n\n## disentangle\n"]
    return "".join([*parts, *_commands(parser())])


def _commands(one: argparse.ArgumentParser) -> Iterator[str]:
    """A section for each command that does something."""
    inner = [each for each in one._actions if isinstance(each, argparse._SubParsersAction)]
    for action in inner:
        for command in action.choices.values():
            yield from _commands(command)
    if not inner:
        yield f"\n### {one.prog}\n\n{_sentence(one.description or '')}\n"
        rows = [
            f"| {_spelled(each)} | {_cell(each.help or '')} |".replace("|  |", "| |")
            for each in one._actions
        ]
        rows = [row for row in rows if not row.startswith("| `-h`")]
        if rows:
            yield "\n".join(["\n| argument | meaning |", "|---|---|", *rows, ""])


def _spelled(action: argparse.Action) -> str:
    value = action.metavar or (action.choices and "{" + ",".join(action.choices) + "}")
    value = value or action.dest.upper()
    if not action.option_strings:
        return f"`{action.metavar or action.dest}`" + (" ..." if action.nargs == "*" else "")
    return ", ".join(
        f"`{option}`" if action.nargs == 0 else f"`{option} {value}`"
        for option in action.option_strings
    )


def _sentence(words: str) -> str:
    return f"{words[0].upper()}{words[1:]}."


def _cell(words: str) -> str:
    return words.replace("|", "\\|")


if __name__ == "__main__":
    print(commands_document(Path("Makefile").read_text()), end="")
