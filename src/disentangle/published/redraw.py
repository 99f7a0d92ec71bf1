"""Draw the pages' figures from `published/`; nothing is trained.

    python -m disentangle.published.redraw [--into FOLDER]

`published/figures.yaml` names the figures of each study. They go to `docs/<study>/`, or to
`FOLDER/<study>/`. Every file of a study is checked against its hash before it is read.
"""

import sys
from argparse import ArgumentParser
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pandas as pd

from disentangle.errors import StudyError
from disentangle.figures import FIGURES
from disentangle.figures.style import save_svg
from disentangle.figures.suite import Suite
from disentangle.published.facts import read_facts
from disentangle.published.from_archive import PUBLISHED
from disentangle.study.file import read_mapping
from disentangle.study.results_folder import StudyFolder
from disentangle.study.specs.of_study import ONLY
from disentangle.study.specs.tables import DrawFigures
from disentangle.tables.files import read_tables

LIST = "figures.yaml"


def redraw(published: Path, into: Path) -> Iterator[Path]:
    """Draw every figure of the list.

    Args:
        published: the folder with the list and a folder per study.
        into: where each study gets a folder.

    Yields:
        Each figure's file, once it is drawn.

    Raises:
        StudyError: if a study's files are damaged, or it lacks a figure of the list.
    """
    for study, names in read_mapping(published / LIST).items():
        folder = StudyFolder(published / study)
        read_facts(folder.path)
        spec = DrawFigures.read(folder.spec("draw_figures", ONLY))
        runs = {run.name: run for run in spec.runs}
        suite = Suite(runs, spec.perturbation, partial(_table, folder))
        for name in names:
            if name not in spec.figures:
                has = ", ".join(spec.figures)
                raise StudyError(f"{published / LIST}: {study} has no {name}. It has {has}.")
            path = into / study / f"{name}.svg"
            save_svg(FIGURES[name](suite), path)
            yield path


def _table(folder: StudyFolder, name: str) -> pd.DataFrame:
    path = folder.table(name)
    if not path.is_file():
        raise StudyError(f"{path} is not published: the figure that needs it cannot be drawn.")
    return read_tables([path])


def main(arguments: list[str]) -> int:
    """Entry of the command; see the module."""
    parser = ArgumentParser(prog="python -m disentangle.published.redraw")
    parser.add_argument("--into", type=Path, default=Path("docs"), metavar="FOLDER")
    try:
        for path in redraw(PUBLISHED, parser.parse_args(arguments).into):
            print(path, flush=True)
    except StudyError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
