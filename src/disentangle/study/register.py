"""Add an external model to a study file without editing YAML.

    python -m disentangle.study.register SOURCE NAME STUDY.yaml

Lines are inserted as text, so comments and layout stay. The file is checked before and after.
"""

import json
import os
import re
import shlex
import sys
from pathlib import Path

from disentangle.errors import StudyError
from disentangle.hub import ON_HUB
from disentangle.storage import replacing
from disentangle.study.external import holds_model
from disentangle.study.file import read_mapping, read_study
from disentangle.study.sections.section import SAFE_NAME

DEFAULT = Path("config.yaml")

USAGE = "make checkpoint SOURCE=path/to/model NAME=my-model STUDY=studies/mine.yaml"

STEP = re.compile(r"(\d+)(-unsharded)?$")
"""How the name of a step's folder ends; the trainer marks unsharded ones."""

SECTION = re.compile(r"^checkpoints:[ \t]*(#.*)?$", re.MULTILINE)
EMPTY = re.compile(r"^checkpoints:[ \t]*\{[ \t]*\}[ \t]*(#.*)?$", re.MULTILINE)


def revisions_of(source: str) -> dict[int, str]:
    """The steps of a source: its folders whose names end in a number, or the source itself.

    A single model without a step in its name is step 1; on the hub its revision is main.

    Raises:
        StudyError: if there is no model.
    """
    if source.startswith(ON_HUB):
        return {1: "main"}
    folder = Path(source)
    if holds_model(folder):
        return {1: "."}
    # sorted, so that step1000-unsharded replaces step1000
    steps = {
        int(match[1]): path.name
        for path in sorted(folder.glob("*"))
        if holds_model(path) and (match := STEP.search(path.name))
    }
    if not steps:
        raise StudyError(
            f"SOURCE: {source} holds no model (config.json, or the config.yaml of ai2-olmo's "
            "trainer), nor a folder with one whose name ends in a step, such as step1000 or "
            "step1000-unsharded"
        )
    return dict(sorted(steps.items()))


def spelled(source: str) -> str:
    """A source as a study file should name it: relative if it is in this folder, else absolute.

    Links are not resolved: a link in this folder may point to a model anywhere.
    """
    if source.startswith(ON_HUB):
        return source
    place = Path(os.path.normpath(Path(source).expanduser().absolute()))
    return str(place.relative_to(Path.cwd()) if place.is_relative_to(Path.cwd()) else place)


def register(source: str, name: str, path: Path) -> str:
    """Add a model to a study file, leaving all else as written, and return the new lines.

    Args:
        source: as `spelled` returns it.
        name: the model's name in the study.
        path: the study file.

    Raises:
        StudyError: if there is no model, the name is taken, or the file would no longer be a valid
            study. The file is then unchanged.
    """
    if not SAFE_NAME.fullmatch(name):
        raise StudyError(
            f"NAME: {name!r}: use letters, digits, '.', '_' and '-' only: it becomes a folder name"
        )
    read_mapping(path)
    before = path.read_text(encoding="utf-8")
    overlays = [] if path.samefile(DEFAULT) else [path]
    if name in read_study(overlays).checkpoints:
        raise StudyError(f"NAME: {path} has checkpoints.{name} already; give it another name")
    # a JSON string is a valid YAML string for every path
    revisions = ", ".join(f"{step}: {json.dumps(at)}" for step, at in revisions_of(source).items())
    lines = f"  {name}:\n    source: {json.dumps(source)}\n    revisions: {{{revisions}}}\n"
    if EMPTY.search(before):
        after = EMPTY.sub(lambda match: f"checkpoints:\n{lines.rstrip()}", before, count=1)
    elif match := SECTION.search(before):
        after = before[: match.end()] + "\n" + lines.rstrip() + before[match.end() :]
    else:
        after = before.rstrip() + f"\n\ncheckpoints:\n{lines}"
    _write(path, after)
    try:
        read_study(overlays)
    except StudyError:
        _write(path, before)
        raise
    return lines


def _write(path: Path, content: str) -> None:
    with replacing(path) as temporary:
        temporary.write_text(content, encoding="utf-8")


def main() -> None:
    """Register the model on the command line; see the module."""
    source, name, file = (*sys.argv[1:], "", "", "")[:3]
    given = {"SOURCE": source, "NAME": name, "STUDY": file}
    if lacking := [key for key, value in given.items() if not value]:
        print(f"Say {' and '.join(lacking)}: {USAGE}", file=sys.stderr)
        raise SystemExit(2)
    try:
        say_registered(source, name, file)
    except (StudyError, OSError) as fault:
        print(fault, file=sys.stderr)
        raise SystemExit(2) from None


def say_registered(source: str, name: str, file: str) -> None:
    """Register a model, and print the lines written; see `register` for errors."""
    path, source = Path(file), spelled(source)
    lines = register(source, name, path)
    print(f"{path}, under checkpoints:\n{lines}What is known of its training may be added there.")
    if Path(source).is_absolute():
        print(
            f"{source} is outside of this folder, so the study cannot be archived. To allow it, "
            f"link the model into this folder: ln -s {shlex.quote(source)} {name}"
        )
    if path.samefile(DEFAULT):
        print(f"{DEFAULT} is the base of every study, so all studies now have this model.")
        print("Next: make demo")
    else:
        print(f"Next: make run STUDY={shlex.quote(str(path))}")


if __name__ == "__main__":
    main()
