"""Generate docs/api.md from the package's docstrings: `python docs/api_page.py > docs/api.md`.

The package is read and not imported, so this needs nothing that computes.
"""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "src" / "disentangle"

INTRODUCTION = """# Python API

`pip install .` in a clone brings all that is on this page, except `measure_model`, which needs the
extra `train`, and `read_study`, which needs the extra `workflow`.
[library.ipynb](../examples/library.ipynb) is a notebook that shows the most important ones.

This page is generated from docstrings by `docs/api_page.py`; a test compares them.
"""

SHOWN = {
    "Measuring": {
        "from disentangle": [
            "geometry/of_any.py:measure",
            "geometry/of_folder.py:measure_all",
            "geometry/of_model.py:measure_model",
        ],
    },
    "Analysing a table of models": {
        "from disentangle": ["observations/analyze.py:analyze"],
        "from disentangle.observations": [
            "observations/adopt.py:adopt",
            "observations/analyze.py:Analysis",
        ],
        "from disentangle.observations.from_harness": [
            "observations/from_harness.py:table_from_harness",
        ],
        "from disentangle.study.sections.observations": [
            "study/sections/observations.py:Reading",
        ],
    },
    "Reading a study": {
        "from disentangle.study.file": ["study/file.py:read_study"],
        "from disentangle.parquet": ["parquet.py:read_parquet"],
    },
    "Estimators": {
        "from disentangle.statistics": [
            "statistics/associate.py:associate",
            "statistics/associate.py:regressions",
            "statistics/estimate.py:Estimate",
            "statistics/spearman.py:spearman",
            "statistics/by_size.py:spearman_by_size",
            "statistics/partial.py:partial_spearman",
            "statistics/residual.py:residual_spearman",
            "statistics/within.py:within_spearman",
            "statistics/clustered.py:clustered_slope",
            "statistics/mixed.py:mixed_effect",
            "statistics/mixed.py:mixed_effect_by_run",
            "statistics/increment.py:incremental_r2",
            "statistics/beside_design.py:r2_beside_design",
            "statistics/multiplicity.py:benjamini_hochberg",
            "statistics/power.py:detectable_rho",
            "statistics/power.py:power_statement",
        ],
    },
    "Errors": {
        "from disentangle.errors": ["errors.py:StudyError"],
        "from disentangle.geometry.matrix": ["geometry/matrix.py:MatrixError"],
    },
}
"""Section of the page, to how its names are imported, to where each is defined."""

SECTION = re.compile(r"^(Args|Returns|Yields|Raises):\n", re.MULTILINE)
ENTRY = re.compile(r"^    (\*{0,2}[\w.]+): ", re.MULTILINE)


def page() -> str:
    """The whole page."""
    parts = [INTRODUCTION]
    for title, imports in SHOWN.items():
        parts.append(f"## {title}\n")
        for statement, places in imports.items():
            parts += ["\n".join(_shown(statement, place)) for place in places]
    return "\n".join(parts)


def _shown(statement: str, place: str) -> Iterator[str]:
    file, name = place.split(":")
    found = _definition(file, name)
    yield f"### {name}\n"
    yield f"`{statement} import {name}`\n"
    if isinstance(found, ast.FunctionDef):
        yield f"```py\n{_signature(found)}\n```\n"
    yield from _rendered(ast.get_docstring(found) or "")
    if isinstance(found, ast.ClassDef):
        yield from _fields(found)


def _definition(file: str, name: str) -> ast.FunctionDef | ast.ClassDef:
    for node in ast.parse((PACKAGE / file).read_text()).body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and node.name == name:
            return node
    raise LookupError(f"{file} defines no {name}")


def _signature(function: ast.FunctionDef) -> str:
    """On one line, or with a line for each parameter."""
    returns = f" -> {ast.unparse(function.returns)}" if function.returns else ""
    line = f"{function.name}({ast.unparse(function.args)}){returns}"
    if len(line) <= 100:
        return line
    # a comma is between parameters if what is before it closes all that it opens
    pieces, depth = [""], 0
    for letter in ast.unparse(function.args):
        depth += (letter in "[(") - (letter in "])")
        if letter == "," and depth == 0:
            pieces.append("")
        else:
            pieces[-1] += letter
    inner = "".join(f"    {piece.strip()},\n" for piece in pieces)
    return f"{function.name}(\n{inner}){returns}"


def _rendered(docstring: str) -> Iterator[str]:
    """A docstring of Google's form as Markdown."""
    text, *sections = SECTION.split(docstring)
    yield from _paragraphs(text)
    for title, body in zip(sections[::2], sections[1::2], strict=True):
        said = {"Args": "Arguments"}.get(title, title)
        _, *entries = ENTRY.split(body)
        if title == "Returns" or not entries:
            yield f"**{said}.** {_joined(body)}\n"
            continue
        yield f"**{said}.**\n"
        for name, meaning in zip(entries[::2], entries[1::2], strict=True):
            yield f"- `{name}`: {_joined(meaning)}"
        yield ""


def _paragraphs(text: str) -> Iterator[str]:
    for paragraph in text.strip().split("\n\n"):
        if paragraph.lstrip().startswith(">>>"):
            yield (
                "```pycon\n"
                + "\n".join(line.strip() for line in paragraph.splitlines())
                + "\n```\n"
            )
        else:
            yield _joined(paragraph) + "\n"


def _fields(found: ast.ClassDef) -> Iterator[str]:
    """Fields of a class, with the sentence behind each."""
    for node, behind in zip(found.body, [*found.body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            meaning = ""
            if isinstance(behind, ast.Expr) and isinstance(behind.value, ast.Constant):
                meaning = f": {_joined(str(behind.value.value))}"
            kind = ast.unparse(_Bare().visit(node.annotation))
            yield f"- `{node.target.id}` (`{kind}`){meaning}"
    yield ""


class _Bare(ast.NodeTransformer):
    """Types without what pydantic is told of them."""

    def visit_Subscript(self, node: ast.Subscript) -> ast.expr:
        if isinstance(node.value, ast.Name) and node.value.id == "Annotated":
            assert isinstance(node.slice, ast.Tuple)
            return node.slice.elts[0]
        self.generic_visit(node)
        return node


def _joined(text: str) -> str:
    return " ".join(text.split())


if __name__ == "__main__":
    print(page(), end="")
