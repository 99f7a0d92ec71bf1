"""What each job is told: all it reads, and nothing that is no reason to do it again."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from disentangle.storage import DamagedError, write_json
from disentangle.study.read import read_config
from disentangle.study.specs.models import Pretrain
from disentangle.study.specs.of_study import ONLY, specs_of
from disentangle.study.specs.spec import AGAIN, Spec
from disentangle.study.specs.text import Tokenize

ROOT = Path(__file__).parents[3]
STUDIES = ["", "controls", "mini108", "paper", "pythia", "regime", "seeds", "tied"]
Edit = dict[str, Any]


SURGERY: Edit = {
    "perturbation": {
        "surgery": {
            "operations": {"flat": {"kind": "power", "exponent": 0.5}, "turn": {"kind": "rotate"}},
            "recovery": {"tokens": "65k", "batch_size": 16, "weight_decay": 0.1}
            | {"learning_rate": 0.3, "final_lr": 0, "seed": 0},
        }
    }
}


COMPRESSION: Edit = {
    "perturbation": {
        "truncate": {"late": {"matrices": ["down"], "layers": [-1], "rank": 0.5}},
        "prune": {"sparsity": [0.5]},
    }
}


def study_file(name: str = "") -> dict[str, Any]:
    config: dict[str, Any] = yaml.safe_load((ROOT / "config.yaml").read_text())
    if name:
        overlay = yaml.safe_load((ROOT / "studies" / f"{name}.yaml").read_text())
        config = merged(config, overlay)
    return config


def merged(base: Any, overlay: Any) -> Any:
    """As Snakemake lays one configuration over another."""
    if isinstance(base, dict) and isinstance(overlay, dict):
        return base | {key: merged(base.get(key), overlay[key]) for key in overlay}
    return overlay


def specs(config: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    found = specs_of(read_config(config), code_of=lambda script: f"hash of {script}")
    return {
        (rule, job): spec.to_json() for rule, jobs in found.items() for job, spec in jobs.items()
    }


def changed(edit: Edit) -> set[str]:
    """Rules of which a job is told something else after an edit of the default study."""
    before, after = specs(study_file()), specs(merged(study_file(), edit))
    return {key[0] for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


@pytest.mark.parametrize("name", STUDIES)
def test_a_job_reads_what_was_written_for_it(name: str, tmp_path: Path) -> None:
    found = specs_of(read_config(study_file(name)), code_of=lambda script: script)
    for jobs in found.values():
        for spec in jobs.values():
            path = tmp_path / "spec.json"
            write_json(path, spec.to_json() | {AGAIN: 7})
            assert type(spec).read(path) == spec


def test_every_rule_that_reads_a_spec_has_one() -> None:
    rules = [path.read_text() for path in (ROOT / "workflow" / "rules").glob("*.smk")]
    read = {rule for text in rules for rule in re.findall(r'\bspec_of\("(\w+)"', text)}
    written = {rule for name in STUDIES for rule, _ in specs(study_file(name))}
    observed = merged(study_file(), {"observations": {"file": "t.csv", "columns": {"run": "r"}}})
    written |= {rule for rule, _ in specs(observed)}
    everything = {"layers": True, "matrices": "all", "gradients": 1}
    arm = {"a": {"kind": "spectrum", "target": 0.4}}
    layered = merged(study_file(), {"geometry": everything, "design": {"interventions": arm}})
    written |= {rule for rule, _ in specs(layered)}
    written |= {rule for rule, _ in specs(merged(study_file(), SURGERY))}
    followed = {"neighbours": True, "evaluation": {"token_trends": True}}
    written |= {rule for rule, _ in specs(merged(study_file(), followed))}
    written |= {rule for rule, _ in specs(merged(study_file(), COMPRESSION))}
    assert read == written


SHOWN = "write_report"  # it shows the whole study file


@pytest.mark.parametrize(
    ("edit", "rules"),
    [
        ({"execution": {"threads": 2, "micro_batch": 8}}, {"execution"}),
        ({"archive": {"weights": "all"}}, set()),
        ({"evaluation": {"passages": 9}}, {"evaluate_checkpoints", "quantize", SHOWN}),
        ({"statistics": {"resamples": 200}}, {"analyze", SHOWN}),
        ({"statistics": {"calibration": {"studies": 60}}}, None),
        ({"geometry": {"representations": {"max_tokens": 9}}}, {"measure_geometry", SHOWN}),
        ({"corpus": {"limit": "1k"}}, {"tokenize", SHOWN}),
        ({"tokenizer": {"vocab_size": 300}}, None),
    ],
)
def test_an_edit_reaches_the_jobs_that_read_it(edit: Edit, rules: set[str] | None) -> None:
    found = changed(edit)
    if rules is not None:
        assert found == rules
    else:
        assert SHOWN in found and "execution" not in found


OPERATION = {"half": {"kind": "truncate", "rank": 0.5}}


@pytest.mark.parametrize(
    ("edit", "rules"),
    [
        (
            {"perturbation": {"surgery": {"operations": OPERATION}}},
            {"operate", "recover", "measure_surgery", SHOWN},
        ),
        (
            {"perturbation": {"surgery": {"recovery": {"tokens": "131k"}}}},
            {"recover", "measure_surgery", SHOWN},
        ),
        (
            {"evaluation": {"passages": 9}},
            {"operate", "quantize", "evaluate_checkpoints", SHOWN},
        ),
    ],
)
def test_an_edit_of_surgery_reaches_its_jobs_alone(edit: Edit, rules: set[str]) -> None:
    study = merged(study_file(), SURGERY)
    before, after = specs(study), specs(merged(study, edit))
    assert {key[0] for key in before if before[key] != after[key]} == rules


@pytest.mark.parametrize(
    ("edit", "rules"),
    [
        ({"truncate": {"late": {"rank": 8}}}, {"compress", "draw_figures", SHOWN}),
        ({"prune": {"sparsity": [0.6]}}, {"compress", "draw_figures", SHOWN}),
        ({"quantize": {"bits": [4]}}, {"quantize", "draw_figures", SHOWN}),
    ],
)
def test_an_edit_of_compression_reaches_its_jobs_alone(edit: Edit, rules: set[str]) -> None:
    study = merged(study_file(), COMPRESSION)
    before, after = specs(study), specs(merged(study, {"perturbation": edit}))
    assert {key[0] for key in before if before[key] != after[key]} == rules


def test_the_order_of_keys_is_no_difference() -> None:
    config = study_file()
    turned = dict(reversed(config.items()))
    turned["corpus"] = dict(reversed(config["corpus"].items()))
    turned["corpus"]["heldout"] = dict(reversed(config["corpus"]["heldout"].items()))
    spelled = [json.dumps(list(map(list, specs(each).items()))) for each in (config, turned)]
    assert spelled[0] == spelled[1]


def test_code_is_in_every_spec_but_those_of_training() -> None:
    without = {rule for (rule, _), spec in specs(study_file("mini108")).items() if not spec["code"]}
    assert without == {"pretrain", "finetune", "execution"}
    operated = specs(merged(study_file(), SURGERY))
    without = {rule for (rule, _), spec in operated.items() if not spec["code"]}
    assert without == {"pretrain", "finetune", "recover", "execution"}


@pytest.mark.parametrize("content", [[], {"limit": 3, "more": 1}, {"code": "x"}, {"limit": "all"}])
def test_what_is_no_spec_is_said(content: object, tmp_path: Path) -> None:
    write_json(tmp_path / "spec.json", content)
    with pytest.raises(DamagedError, match="no spec of a job"):
        Tokenize.read(tmp_path / "spec.json")


def test_runs_are_read_back_as_runs() -> None:
    found = specs_of(read_config(study_file()), code_of=lambda script: script)
    (name, spec), *_ = found["pretrain"].items()
    assert isinstance(spec, Spec) and isinstance(spec, Pretrain)
    assert name != ONLY and spec.runs[0].steps > 0
