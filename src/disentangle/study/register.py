"""Write a model from elsewhere into a study file, for those who do not want to edit YAML.

    python -m disentangle.study.register SOURCE NAME [STUDY.yaml]

Lines are put in as text, so that comments and layout stay; the file is read before and after.
"""

import json
import re
import sys
from pathlib import Path

from disentangle.errors import StudyError
from disentangle.hub import ON_HUB
from disentangle.storage import replacing
from disentangle.study.external import holds_model
from disentangle.study.file import read_study

DEFAULT = Path("config.yaml")

STEP = re.compile(r"(\d+)(-unsharded)?$")
"""How the name of a step's folder ends; the trainer says which are whole."""

SECTION = re.compile(r"^checkpoints:[ \t]*(#.*)?$", re.MULTILINE)
EMPTY = re.compile(r"^checkpoints:[ \t]*\{[ \t]*\}[ \t]*(#.*)?$", re.MULTILINE)


def revisions_of(source: str) -> dict[int, str]:
    """Steps that a source has: folders in it named after a number, or the one model that it is.

    A model whose step is not in a name is step 1; on the hub it is the revision main.

    Raises:
        StudyError: if there is no model.
    """
    if source.startswith(ON_HUB):
        return {1: "main"}
    folder = Path(source)
    if holds_model(folder):
        return {1: "."}
    # sorted, so that step1000-unsharded takes the place of step1000
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


def register(source: str, name: str, path: Path) -> str:
    """Add a model to a study file, all else as it is written there; give the lines.

    Raises:
        StudyError: if there is no model, the name is taken, or the file would not be a study any
            more; it is as it was then.
    """
    before = path.read_text(encoding="utf-8")
    overlays = [] if path.samefile(DEFAULT) else [path]
    if name in read_study(overlays).checkpoints:
        raise StudyError(f"NAME: {path} has checkpoints.{name} already; give it another name")
    # JSON's strings are YAML's, whatever is in a path
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
    """Register what the arguments say; see the module."""
    try:
        source, name, *file = sys.argv[1:]
    except ValueError:
        print("Say which: make checkpoint SOURCE=path/to/model NAME=my-model", file=sys.stderr)
        raise SystemExit(2) from None
    path = Path(file[0]) if file else DEFAULT
    try:
        lines = register(source, name, path)
    except (StudyError, OSError) as fault:
        print(fault, file=sys.stderr)
        raise SystemExit(2) from None
    print(f"{path}, under checkpoints:\n{lines}What is known of its training may be added there.")


if __name__ == "__main__":
    main()
