"""A model is written into a study file, which stays as it was but for that."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from disentangle.errors import StudyError
from disentangle.study.file import read_study
from disentangle.study.register import register, revisions_of

ROOT = Path(__file__).parents[3]


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the default study file and a model at two steps."""
    shutil.copy(ROOT / "config.yaml", tmp_path / "config.yaml")
    for step in ("step5", "step40"):
        (tmp_path / "model" / step).mkdir(parents=True)
        (tmp_path / "model" / step / "config.json").write_text("{}")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_steps_are_those_in_the_names(place: Path) -> None:
    assert revisions_of("model") == {5: "step5", 40: "step40"}
    assert revisions_of("model/step40") == {1: "."}
    assert revisions_of("hf:some/model") == {1: "main"}
    with pytest.raises(StudyError, match="nowhere holds no model"):
        revisions_of("nowhere")


def test_steps_that_olmos_trainer_saved_are_found_whole_ones_first(place: Path) -> None:
    for step in ("step5-unsharded", "step40", "step40-unsharded", "step100"):
        (place / "trainer" / step).mkdir(parents=True)
        (place / "trainer" / step / "config.yaml").write_text("model: {}\n")
    (place / "trainer" / "latest-unsharded").symlink_to("step40-unsharded")
    assert revisions_of("trainer") == {5: "step5-unsharded", 40: "step40-unsharded", 100: "step100"}
    assert revisions_of("trainer/step40-unsharded") == {1: "."}


@pytest.mark.parametrize(
    "content",
    [
        "study: mine  # own\n",
        "study: mine\ncheckpoints: {}   # none yet\nstatistics: {resamples: 200}\n",
        "study: mine\ncheckpoints:  # two\n  a: {source: b, revisions: {0: .}}\nsave: {count: 3}\n",
    ],
)
def test_a_study_file_gains_the_model_and_keeps_the_rest(place: Path, content: str) -> None:
    path = place / "mine.yaml"
    path.write_text(content)
    before = yaml.safe_load(content)
    register("model", "theirs", path)
    register("model/step5", "early", path)
    after = yaml.safe_load(path.read_text())
    added = after["checkpoints"].pop("theirs")
    assert added == {"source": "model", "revisions": {5: "step5", 40: "step40"}}
    assert after["checkpoints"].pop("early")["revisions"] == {1: "."}
    assert {**after, "checkpoints": after["checkpoints"] or {}} == before | {
        "checkpoints": before.get("checkpoints") or {}
    }
    for comment in ("# own", "# two"):
        assert (comment in path.read_text()) == (comment in content)
    assert sorted(read_study([path]).checkpoints)[-2:] == ["early", "theirs"]


def test_any_path_is_quoted(place: Path) -> None:
    odd = place / 'it\'s "here": #1'
    (place / "model").rename(odd)
    register(str(odd), "theirs", place / "config.yaml")
    assert read_study([]).checkpoints["theirs"].source == str(odd)


def test_the_default_study_gains_it_too(place: Path) -> None:
    register("model", "theirs", place / "config.yaml")
    assert list(read_study([]).checkpoints) == ["theirs"]
    with pytest.raises(StudyError, match=r"has checkpoints\.theirs already"):
        register("model", "theirs", place / "config.yaml")


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    call = [sys.executable, "-m", "disentangle.study.register", *arguments]
    return subprocess.run(call, capture_output=True, text=True)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("model", "theirs", ""), "Say STUDY: make checkpoint SOURCE="),
        (("model", "", "mine.yaml"), "Say NAME: make checkpoint SOURCE="),
        (("", "theirs", "mine.yaml"), "Say SOURCE: make checkpoint SOURCE="),
        ((), "Say SOURCE and NAME and STUDY: make checkpoint"),
        (("model", "theirs", "nosuch.yaml"), "There is no study file nosuch.yaml"),
        (("model", "a: b", "mine.yaml"), "NAME: 'a: b': use letters"),
        (("nowhere", "theirs", "mine.yaml"), "SOURCE: nowhere holds no model"),
    ],
)
def test_what_is_not_said_or_not_there_is_one_line(
    place: Path, arguments: tuple[str, ...], said: str
) -> None:
    (place / "mine.yaml").write_text("study: mine\n")
    before = {path.name: path.read_bytes() for path in place.glob("*.yaml")}
    done = command(*arguments)
    assert done.returncode == 2
    assert done.stderr.startswith(said)
    assert len(done.stderr.splitlines()) == 1
    assert {path.name: path.read_bytes() for path in place.glob("*.yaml")} == before


def test_a_source_is_named_so_that_an_archive_can_have_it_or_it_is_said(
    place: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    (place / "mine.yaml").write_text("study: mine\n")
    done = command(str(place / "model" / "step5"), "inside", "mine.yaml")
    assert "Next: make run STUDY=mine.yaml" in done.stdout
    assert "outside" not in done.stdout
    outside = tmp_path_factory.mktemp("outside") / "step5"
    shutil.copytree(place / "model" / "step5", outside)
    assert f"ln -s {outside} outside" in command(str(outside), "outside", "mine.yaml").stdout
    (place / "linked").symlink_to(outside)
    command("linked", "linked", "mine.yaml")
    found = read_study([place / "mine.yaml"]).checkpoints
    assert [found[name].source for name in ("inside", "outside", "linked")] == [
        "model/step5",
        str(outside),
        "linked",
    ]


def test_the_default_study_is_changed_for_those_who_name_it(place: Path) -> None:
    done = command("model", "theirs", "config.yaml")
    assert "config.yaml is the base of every study" in done.stdout
    assert list(read_study([]).checkpoints) == ["theirs"]


def test_what_makes_no_study_changes_nothing(place: Path) -> None:
    before = (place / "config.yaml").read_text()
    with pytest.raises(StudyError, match="it becomes a folder name"):
        register("model", "a b", place / "config.yaml")
    assert (place / "config.yaml").read_text() == before
