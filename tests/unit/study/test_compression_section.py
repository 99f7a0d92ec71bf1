"""Truncation and pruning in a study file: what is refused, and which variants there are."""

import copy
from typing import Any

import pytest

from disentangle.errors import StudyError
from disentangle.study import read_config
from disentangle.study.jobs import Jobs
from disentangle.study.perturbation import compression_of, compressions, variants

SVD: dict[str, Any] = {"method": "svd", "matrices": ["down"], "rank": 0.5}
CP: dict[str, Any] = {"method": "cp", "matrices": ["gate", "up", "down"], "rank": 8}


def truncating(**entry: Any) -> dict[str, Any]:
    return {"truncate": {"one": entry}}


FAULTS: list[tuple[dict[str, Any], str]] = [
    (truncating(matrices=["down"]), "say what is kept: either rank or energy"),
    (truncating(**SVD, energy=0.9), "say what is kept: either rank or energy"),
    (truncating(**SVD | {"rank": 2.5}), "rank: from 1 on it is a whole number"),
    (truncating(**SVD | {"rank": 0}), "truncate.one.rank: Input should be greater than 0"),
    (truncating(matrices=["down"], energy=1), "truncate.one.energy: Input should be less than 1"),
    (truncating(**SVD | {"matrices": []}), "truncate.one.matrices: List should have"),
    (truncating(**SVD | {"matrices": ["q", "q"]}), "truncate.one.matrices: each once"),
    (truncating(**SVD, stack="all"), "stack: svd takes each matrix alone"),
    (truncating(**CP | {"rank": None, "energy": 0.9}), "energy: cp takes a rank"),
    (truncating(**CP | {"matrices": ["q", "up"]}), "matrices: cp stacks matrices of one shape"),
    (truncating(**CP | {"matrices": ["W"]}), "matrices: cp stacks matrices of one shape"),
    (truncating(**CP | {"matrices": ["up"]}), "one matrix of a layer is no stack"),
    (truncating(**SVD | {"matrices": ["W"]}, layers=[0]), "layers: W is in none"),
    (truncating(**SVD, layers=[0, 0]), "each once"),
    (truncating(**SVD, layers=[2]), "truncate.one.layers: 33K, 131K has no layer 2"),
    (truncating(**SVD, layers=[-3]), "truncate.one.layers: 33K, 131K has no layer -3"),
    (truncating(**SVD | {"method": "qr"}), "truncate.one.method: Input should be 'svd'"),
    ({"truncate": {"a": SVD, "A": SVD}}, "A, a: twice, or different in case alone"),
    ({"prune": {"sparsity": [0.5, 0.5]}}, "prune.sparsity: each once"),
    ({"prune": {"sparsity": [1]}}, "prune.sparsity[0]: Input should be less than 1"),
    ({"prune": {"sparsity": [0.50001]}}, "give per cent with at most one decimal"),
    ({"prune": {"sparsity": []}}, "prune.sparsity: List should have at least 1"),
    ({"prune": {"by": "movement"}}, "prune.by: unknown key"),
]


@pytest.mark.parametrize(("section", "said"), FAULTS, ids=[said for _, said in FAULTS])
def test_a_fault_is_named_by_its_path(
    sample_config: dict[str, Any], section: dict[str, Any], said: str
) -> None:
    config = copy.deepcopy(sample_config)
    config["perturbation"] |= section
    with pytest.raises(StudyError) as error:
        read_config(config)
    assert said in str(error.value) and "perturbation" in str(error.value)


def test_w_of_a_tied_model_is_refused(sample_config: dict[str, Any]) -> None:
    config = copy.deepcopy(sample_config)
    config["perturbation"] |= truncating(**SVD | {"matrices": ["W"]})
    read_config(config)
    config["sizes"][0]["tied"] = True
    with pytest.raises(StudyError, match=r"truncate\.one\.matrices: W needs a head of its own"):
        read_config(config)


def test_variants_follow_the_file(sample_config: dict[str, Any]) -> None:
    config = copy.deepcopy(sample_config)
    assert Jobs(read_config(config)).compressed == {}
    assert "compress" not in Jobs(read_config(config)).perturbations
    config["perturbation"] |= {"truncate": {"late": SVD | {"layers": [-1]}, "cp": CP}}
    config["perturbation"] |= {"prune": {"sparsity": [0.5, 0.955]}}
    study = read_config(config)
    wanted = ["truncated-late", "truncated-cp", "pruned-50", "pruned-95.5"]
    assert list(compressions(study.perturbation)) == wanted
    assert variants(study.perturbation) == ["gptq-3bit", "finetuned-code", *wanted]
    kinds = [compression_of(variant) for variant in variants(study.perturbation)]
    assert kinds == ["quantized", None, "truncated", "truncated", "pruned", "pruned"]
    jobs = Jobs(study)
    assert jobs.compressed == jobs.perturbed and jobs.counts["compress"] == 2
    assert "perturbations" in jobs.figures


def test_pruning_alone_asks_for_the_usual_shares(sample_config: dict[str, Any]) -> None:
    config = copy.deepcopy(sample_config)
    config["perturbation"] |= {"prune": {}, "quantize": None, "finetune": {}}
    assert variants(read_config(config).perturbation) == ["pruned-50", "pruned-80", "pruned-90"]
