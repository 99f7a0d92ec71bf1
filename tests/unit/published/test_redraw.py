"""The pages' figures are those that `make figures` draws from the published tables."""

import re
from pathlib import Path

import pytest

from disentangle.archive.redrawn import difference
from disentangle.errors import StudyError
from disentangle.published.facts import read_facts
from disentangle.published.from_archive import PUBLISHED
from disentangle.published.redraw import LIST, redraw
from disentangle.study.file import read_mapping, read_study
from disentangle.study.jobs import Jobs
from disentangle.study.results_folder import StudyFolder
from disentangle.study.specs.of_study import ONLY
from disentangle.study.specs.tables import DrawFigures

ROOT = Path(__file__).parents[3]
NOT_PUBLISHED = ("report.png", "docs/report.png")
"""Pictures that no published table draws."""
STUDIES = list(read_mapping(ROOT / PUBLISHED / LIST))


def test_the_pages_show_what_the_tables_say(tmp_path: Path) -> None:
    drawn = list(redraw(ROOT / PUBLISHED, tmp_path))
    assert {path.parent.name for path in drawn} == set(STUDIES)
    for path in drawn:
        shown = ROOT / "docs" / path.relative_to(tmp_path)
        assert shown.is_file(), f"make figures, and commit {shown}"
        assert difference(path, shown) is None, shown


def test_every_figure_of_a_page_is_drawn() -> None:
    lists = read_mapping(ROOT / PUBLISHED / LIST)
    drawn = {f"{study}/{name}.svg" for study, names in lists.items() for name in names}
    pages = [*ROOT.glob("docs/*.md"), ROOT / "README.md"]
    named = {
        path
        for page in pages
        for path in re.findall(r"!\[[^]]*\]\(([^)]+\.(?:svg|png))\)", page.read_text())
    }
    pictures = {path for path in named if path.startswith(NOT_PUBLISHED)}
    assert named - pictures == drawn


@pytest.mark.parametrize("study", STUDIES)
def test_what_is_published_is_of_the_study_file(study: str) -> None:
    folder = StudyFolder(ROOT / PUBLISHED / study)
    facts = read_facts(folder.path)
    base, *overlays = (ROOT / name for name in facts.study_files)
    wanted = Jobs(read_study(overlays, base)).runs
    runs = DrawFigures.read(folder.spec("draw_figures", ONLY)).runs
    assert [run.name for run in runs] == list(wanted), "run the study, archive it, make published"


def test_a_figure_that_a_study_lacks_is_refused(tmp_path: Path) -> None:
    published = tmp_path / PUBLISHED
    published.mkdir()
    (published / STUDIES[0]).symlink_to(ROOT / PUBLISHED / STUDIES[0])
    (published / LIST).write_text(f"{STUDIES[0]}: [rank_by_moon]\n")
    with pytest.raises(StudyError, match=r"has no rank_by_moon\. It has training_curves"):
        list(redraw(published, tmp_path))
    (published / LIST).write_text(f"{STUDIES[0]}: [training_curves]\n")
    with pytest.raises(StudyError, match=r"training\.parquet is not published"):
        list(redraw(published, tmp_path))
