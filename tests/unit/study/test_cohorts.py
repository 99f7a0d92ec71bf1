"""Runs that share a job: each run in one cohort, cohorts of one size, stable under additions."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from disentangle.study import expand, read_config
from disentangle.study.cohorts import cohorts


def with_seeds(config: dict[str, Any], seeds: int) -> dict[str, Any]:
    design = {"base": config["design"]["base"], "sweeps": [{"seed": list(range(1, seeds + 1))}]}
    return config | {"design": design}


@given(runs_per_job=st.integers(1, 12), seeds=st.integers(1, 12))
def test_every_run_has_one_cohort_of_its_size(
    sample_config: dict[str, Any], runs_per_job: int, seeds: int
) -> None:
    runs = expand(read_config(with_seeds(sample_config, seeds)))
    found = cohorts(runs, runs_per_job)
    assert sorted(run.name for cohort in found.values() for run in cohort) == sorted(
        run.name for run in runs
    )
    for name, cohort in found.items():
        assert len({run.size.name for run in cohort}) == 1
        assert len(cohort) <= runs_per_job
        assert (name == cohort[0].name) == (runs_per_job == 1)
    more = expand(read_config(with_seeds(sample_config, seeds + 1)))
    changed = [
        name for name, cohort in cohorts(more, runs_per_job).items() if cohort != found.get(name)
    ]
    assert len(changed) == 2, "a run more per size changes one cohort per size"


def test_a_long_run_has_a_job_of_its_own(sample_config: dict[str, Any]) -> None:
    design = sample_config["design"] | {"sweeps": [{"tokens": ["100M"]}, {"seed": [1]}]}
    runs = expand(read_config(sample_config | {"design": design}))
    found = cohorts(runs, 5)
    long = [run for run in runs if run.hyperparameters.tokens == 100_000_000]
    assert all(found[run.name] == (run,) for run in long)
    assert {len(found["33K_part1"]), len(found["131K_part1"])} == {2}
    assert len(found) == 4


@given(runs_per_job=st.integers(1, 12))
def test_branches_share_the_job_of_their_trunk(
    sample_config: dict[str, Any], runs_per_job: int
) -> None:
    base = sample_config["design"]["base"] | {"cooldown": {"share": 0.2, "warmup": "13k"}}
    design = {"base": base, "cooldowns": ["65k", "131k"], "sweeps": [{"weight_decay": [0, 0.5]}]}
    config = sample_config | {"design": design, "perturbation": {"runs": ["base"]}}
    runs = expand(read_config(config))
    found = cohorts(runs, runs_per_job)
    assert sum(map(len, found.values())) == len(runs) == 2 * 3 * 3
    assert all(len(cohort) <= max(runs_per_job, 3) for cohort in found.values())
    for cohort in found.values():
        names = [run.name for run in cohort]
        assert len({run.size.name for run in cohort}) == 1
        for run in cohort:
            assert run.trunk is None or names.index(run.trunk) < names.index(run.name)
