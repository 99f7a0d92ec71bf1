"""Study files as they are written, and the text they name."""

from pathlib import Path
from typing import Any

import pytest
from tiny_study import ROOT

from disentangle.errors import StudyError
from disentangle.study import read_config
from disentangle.study.file import read_mapping, read_mappings, read_study
from disentangle.study.perturbation import variants
from disentangle.study.text_files import faults_of_text

BASE = ROOT / "config.yaml"


def test_the_example_of_the_readme_has_nothing_of_the_default_study_but_how_it_trains(
    tmp_path: Path,
) -> None:
    example = (ROOT / "README.md").read_text().split("```yaml")[1].split("```")[0]
    study = read_study([written(tmp_path, example.encode())], BASE)
    assert list(study.corpus.heldout) == ["id"]
    assert not study.evaluation.tasks and not variants(study.perturbation)


def written(folder: Path, content: bytes) -> Path:
    path = folder / "mine.yaml"
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"study: mine\nstudy: yours\n", "line 2: the key 'study' is there twice"),
        (b"design:\n  base: {seed: 1, tokens: 2, seed: 3}\n", "the key 'seed' is there twice"),
        (b"study:\tmine\n\tsave: 3\n", "is no study file"),
        (b"\xff\xfe\x00binary", "it is no text in UTF-8"),
        (b"\x00\x01", "is no study file"),
        (b"- a\n- b\n", "it must map keys to values"),
        (b"", "it must map keys to values"),
        (b"1: a\n", "1 is no name of a section"),
        (b"? [a, b]\n: c\n", "is no study file"),
        (b"save: *nothing\n", "is no study file"),
        (b"x: !!python/object/apply:os.getcwd []\n", "is no study file"),
        (b"a: " + b"[" * 5000, "is no study file"),
        (b"# long\n" * 300_000, "it has more than 1 MB"),
    ],
)
def test_what_is_no_study_file_is_said_to_be_none(
    tmp_path: Path, content: bytes, said: str
) -> None:
    path = written(tmp_path, content)
    with pytest.raises(StudyError) as error:
        read_mapping(path)
    assert said in str(error.value) and str(path) in str(error.value)
    assert len(str(error.value).splitlines()) < 10


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match=r"There is no study file .*none.yaml"):
        read_study([tmp_path / "none.yaml"], BASE)


def test_a_mapping_in_the_place_of_a_value_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, b"study: {}\n")
    with pytest.raises(StudyError, match="study must be one value, such as 'demo'"):
        read_mappings([BASE, path])


def test_merged_keys_may_repeat_what_they_are_laid_over(tmp_path: Path) -> None:
    path = written(tmp_path, b"a: &a {x: 1}\nb: {<<: *a, x: 2}\n")
    assert read_mapping(path)["b"] == {"x": 2}


def faults(demo: dict[str, Any], folder: Path, train: str, heldout: str) -> list[str]:
    """Of the default study with one training source and one held-out source."""
    heldouts = demo["corpus"]["heldout"] | {"ood": {"source": heldout}}
    corpus = demo["corpus"] | {"train": [train], "heldout": heldouts}
    return faults_of_text(read_config(demo | {"corpus": corpus}), folder)


@pytest.fixture
def text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two texts, and a link to one of them, to work in."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "docs").mkdir()
    for name in ("a", "b"):
        (tmp_path / "docs" / f"{name}.md").write_text(name)
    (tmp_path / "other.md").symlink_to(tmp_path / "docs" / "a.md")
    return tmp_path


def test_a_source_without_a_file_is_named(sample_config: dict[str, Any], text: Path) -> None:
    (fault,) = faults(sample_config, text / "results", "text:nothing/*.md", "stdlib-python")
    assert fault.startswith("corpus.train[0]: text:nothing/*.md matches no file (seen from ")
    (fault,) = faults(sample_config, text / "results", "text:docs/*.md", "jsonl:none.jsonl")
    assert fault.startswith("corpus.heldout.ood.source: jsonl:none.jsonl matches no file")
    assert faults(sample_config, text / "results", "text:docs/*.md", "stdlib-python") == []


def test_text_that_was_gathered_needs_no_file(sample_config: dict[str, Any], text: Path) -> None:
    for name in ("corpus/train.parquet", "corpus/heldout/ood.parquet"):
        (text / "results" / name).parent.mkdir(parents=True, exist_ok=True)
        (text / "results" / name).touch()
    assert faults(sample_config, text / "results", "text:gone/*.md", "text:gone/b.md") == []


@pytest.mark.parametrize("heldout", ["text:docs/a.md", "jsonl:d*/*.md", "text:other.md"])
def test_a_file_is_not_trained_on_and_held_out(
    sample_config: dict[str, Any], text: Path, heldout: str
) -> None:
    (fault,) = faults(sample_config, text / "results", "text:docs/*.md", heldout)
    assert "docs/a.md" in fault and "is trained on, too" in fault


@pytest.mark.parametrize("heldout", ["text:./docs/*.md", "text:docs//*.md", "text:docs/x/../*.md"])
def test_two_spellings_of_a_source_are_one(
    sample_config: dict[str, Any], text: Path, heldout: str
) -> None:
    with pytest.raises(StudyError, match="held-out domain ood reads a training source"):
        faults(sample_config, text / "results", "text:docs/*.md", heldout)
