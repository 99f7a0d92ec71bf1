"""What stands for a job's work is believed only while the work is what it was."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from disentangle.checkpoint.cohort import read_cohort, write_cohort
from disentangle.checkpoint.manifest import read_checkpoint, read_run
from disentangle.checkpoint.references import (
    Perturbed,
    perturbed_references,
    read_perturbed,
    trained_references,
    write_perturbed,
)
from disentangle.errors import StudyError
from disentangle.storage import SEAL, write_sealed


def test_a_cohort_is_its_runs_manifests(own_run: Path) -> None:
    path = own_run.parent / "trained.json"
    write_cohort([own_run.name], own_run.parent, path)
    assert read_cohort(path, own_run.parent) == {own_run.name: own_run / "manifest.json"}
    manifest = json.loads((own_run / "manifest.json").read_text())
    (own_run / "manifest.json").write_text(json.dumps(manifest | {"status": "diverged"}))
    with pytest.raises(StudyError, match="is missing or was changed since training"):
        read_cohort(path, own_run.parent)
    (own_run / "manifest.json").unlink()
    with pytest.raises(StudyError, match="is missing or was changed since training"):
        read_cohort(path, own_run.parent)


def test_a_manifest_of_an_earlier_version_is_read(own_run: Path) -> None:
    path = own_run / "manifest.json"
    now = json.loads(path.read_text())
    assert now.pop("quarantined") == {}
    del now[SEAL]
    write_sealed(path, now | {"refused": {"4": "cut short"}})
    assert read_run(path).quarantined == {4: "cut short"}


def made(run: Path, folder: Path, variant: str, step: int) -> str:
    """Put a copy of the last checkpoint where a perturbed one is; give its weights' hash."""
    place = folder / run.name / variant / f"step{step}"
    shutil.copytree(run / "step16", place)
    return read_checkpoint(place).weights_sha256


def test_another_checkpoint_in_the_place_of_one_is_refused(own_run: Path, tmp_path: Path) -> None:
    shutil.rmtree(own_run / "step4")
    shutil.copytree(own_run / "step0", own_run / "step4")
    with pytest.raises(StudyError, match="has other weights than"):
        trained_references([own_run / "manifest.json"])
    sha256 = made(own_run, tmp_path, "gptq-3bit", 16)
    outcome = Perturbed(own_run.name, "gptq-3bit", 16, 16, sha256[::-1], "")
    with pytest.raises(StudyError, match="has other weights than"):
        perturbed_references([outcome], {own_run.name: own_run / "manifest.json"}, tmp_path)


def test_a_checkpoint_is_its_weights_its_configuration_and_its_tokenizer(own_run: Path) -> None:
    manifest = read_checkpoint(own_run / "step16")
    same = {manifest.content_sha256, replace(manifest, train_loss=3.0).content_sha256}
    assert len(same) == 1
    for change in ({"weights_sha256": "a"}, {"config_sha256": "a"}, {"tokenizer": {}}, {"rows": 7}):
        assert replace(manifest, **change).content_sha256 not in same


def test_subjects_are_all_checkpoints_and_what_was_made_of_the_last(
    own_run: Path, tmp_path: Path
) -> None:
    manifests = {own_run.name: own_run / "manifest.json"}
    trained = trained_references(manifests.values())
    assert [(s.step, s.variant, s.last) for s in trained] == [
        (0, "base", False),
        (4, "base", False),
        (16, "base", True),
    ]
    outcomes = [
        Perturbed(own_run.name, "gptq-3bit", 16, 16, made(own_run, tmp_path, "gptq-3bit", 16), ""),
        Perturbed(
            own_run.name, "finetuned-code", 16, 8, made(own_run, tmp_path, "finetuned-code", 8), ""
        ),
        Perturbed(own_run.name, "finetuned-law", 16, None, None, "fine-tuning diverged"),
    ]
    write_perturbed(outcomes, tmp_path / "perturbed.json")
    assert read_perturbed(tmp_path / "perturbed.json") == outcomes
    found = perturbed_references(outcomes, manifests, tmp_path)
    # listed under the step they were made from, with the tokens that had been seen by then
    assert [(s.step, s.tokens, s.variant, s.last) for s in found] == [
        (16, trained[-1].tokens, "gptq-3bit", False),
        (16, trained[-1].tokens, "finetuned-code", False),
    ]
    assert found[1].folder == tmp_path / own_run.name / "finetuned-code" / "step8"
