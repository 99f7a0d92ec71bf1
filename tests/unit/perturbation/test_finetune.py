"""Fine-tuning goes on from the checkpoint's own weights, on text that evaluation does not read."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from trained import Bench

from disentangle.checkpoint.export import from_hugging_face, read_olmo_weights, to_hugging_face
from disentangle.checkpoint.guard import load_checkpoint
from disentangle.checkpoint.manifest import WEIGHTS, read_checkpoint
from disentangle.checkpoint.references import perturbed_references
from disentangle.corpus.documents import gather_passages, is_for_finetuning
from disentangle.corpus.leakage import overlap
from disentangle.corpus.sources import read_source
from disentangle.corpus.targets import gather_target
from disentangle.errors import StudyError
from disentangle.perturbation.finetune import finetune
from disentangle.storage import read_sealed, write_sealed
from disentangle.study import Run
from disentangle.study.sections.corpus import HeldOut
from disentangle.study.sections.perturbation import Perturbation
from disentangle.training.log import read_log
from disentangle.training.olmo_config import model_config


def settings(**changes: Any) -> Perturbation:
    target: dict[str, Any] = {"domain": "code", "tokens": 2048, "batch_size": 8, "seed": 0}
    target |= {"weight_decay": 0.1, "learning_rate": 0.3, "final_lr": 0}
    return Perturbation.model_validate({"finetune": {"code": target | changes}})


def run_of(bench: Bench) -> Run:
    return bench.runs[0]


def tune(bench: Bench, trained_run: Path, folder: Path, **changes: Any) -> Any:
    how = {key: value for key, value in bench.arguments(folder).items() if key != "keep_states"}
    manifest = trained_run / "manifest.json"
    return finetune(run_of(bench), "code", settings(**changes), manifest=manifest, **how)


@pytest.fixture(scope="module")
def tuned(bench: Bench, trained_run: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("perturbed") / run_of(bench).name / "finetuned-code"
    outcome = tune(bench, trained_run, folder)
    assert (outcome.of_step, outcome.step, outcome.reason) == (16, 8, "")
    return folder


def test_export_and_its_inverse_are_exact(bench: Bench, trained_run: Path) -> None:
    config = model_config(run_of(bench), "cpu", 0)
    exported = load_file(trained_run / "step16" / WEIGHTS)
    state = from_hugging_face(exported, config)
    again = to_hugging_face(state, config)
    assert exported.keys() == again.keys()
    assert all(torch.equal(exported[name], again[name]) for name in exported)


def test_it_starts_from_the_base_models_weights(
    bench: Bench, trained_run: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "finetuned-code"
    tune(bench, trained_run, folder, learning_rate=1e-9)
    base, after = (load_file(path / WEIGHTS) for path in (trained_run / "step16", folder / "step8"))
    assert all(torch.allclose(base[name], after[name], rtol=0, atol=1e-7) for name in base)


def test_it_has_a_log_of_its_own(tuned: Path) -> None:
    assert read_log(tuned / "steps.jsonl", "x")["step"].tolist() == list(range(1, 9))


def test_the_result_is_a_checkpoint_like_any_other(
    bench: Bench, trained_run: Path, tuned: Path
) -> None:
    manifest = read_checkpoint(tuned / "step8")
    assert manifest.source == f"finetune of {run_of(bench).name} step 16"
    base = load_checkpoint(trained_run / "step16", "cpu").unembedding
    assert not torch.equal(load_checkpoint(tuned / "step8", "cpu").unembedding, base)


def test_the_base_is_part_of_its_identity(
    bench: Bench, own_run: Path, tuned: Path, tmp_path: Path
) -> None:
    identity = json.loads((tuned / "identity.json").read_text())
    assert identity["initial_sha256"] == read_checkpoint(own_run / "step16").weights_sha256
    with pytest.raises(StudyError, match=r"learning_rate \(0.3 is now 0.1\)"):
        tune(bench, own_run, tuned, learning_rate=0.1)


def test_damaged_base_weights_are_refused(bench: Bench, own_run: Path) -> None:
    weights = own_run / "step16" / WEIGHTS
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(data)
    with pytest.raises(StudyError, match="SHA-256"):
        read_olmo_weights(own_run / "step16", model_config(run_of(bench), "cpu", 0))


def test_a_diverged_run_is_not_fine_tuned(bench: Bench, own_run: Path, tmp_path: Path) -> None:
    manifest = read_sealed(own_run / "manifest.json")
    del manifest["checkpoints"]["16"]
    write_sealed(own_run / "manifest.json", manifest)
    outcome = tune(bench, own_run, tmp_path / "perturbed")
    assert outcome.weights_sha256 is None and outcome.reason == "the run diverged"
    assert not (tmp_path / "perturbed").exists()
    assert perturbed_references([outcome], {}, tmp_path) == []


@pytest.fixture(scope="module")
def passages() -> list[str]:
    heldout = HeldOut(source="stdlib-python", passages=300)
    return gather_passages(heldout, halved=True).column("text").to_pylist()


def test_nothing_that_is_fine_tuned_on_is_held_out(passages: list[str]) -> None:
    source = "stdlib-python"
    target = gather_target(source, 10**9, {"code": passages}).column("text").to_pylist()
    held_out = {text for text in read_source(source) if not is_for_finetuning(text)}
    assert len(target) > 100 and not set(target) & held_out
    (leaked,) = overlap([target], {"code": passages})
    assert leaked["ngrams_in_train"] == 0
    (without_care,) = overlap(
        [[text for text in read_source(source) if is_for_finetuning(text)]], {"code": passages}
    )
    assert without_care["ngrams_in_train"] > 0, "the library repeats itself between its files"


def test_a_target_is_read_no_further_than_needed(passages: list[str]) -> None:
    few = gather_target("stdlib-python", 10_000, {"code": passages}).column("text").to_pylist()
    assert sum(map(len, few)) >= 10_000 > sum(map(len, few[:-1]))
