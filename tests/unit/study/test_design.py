"""A design expands to runs: how many, which, by what name, saved when."""

import copy
import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from disentangle.errors import StudyError
from disentangle.study import expand, read_config
from disentangle.study.grid import log_spaced_steps
from disentangle.study.run import Run, own_flops, run_name, steps_of, training_flops
from disentangle.study.sections.design import Cooldown, Hyperparameters, Late
from disentangle.study.sections.interventions import Arm, Factor
from disentangle.study.sections.model import Size
from disentangle.study.token_counts import parse_count, spell_count


def test_the_demo_is_two_sizes_by_nine(sample_config: dict[str, Any]) -> None:
    runs = expand(read_config(sample_config))
    assert len(runs) == 18
    assert len({run.name for run in runs}) == 18
    assert {run.size.name for run in runs} == {"33K", "131K"}
    assert len({run.configuration for run in runs}) == 7  # and three seeds of one of them
    assert runs[0].name == "33K_tok262k_bs16_wd0.1_lr1x_fin0.1_s0"


def test_a_sweep_leaves_the_rest_at_the_base(sample_config: dict[str, Any]) -> None:
    runs = {run.name: run for run in expand(read_config(sample_config))}
    run = runs["131K_tok131k_bs8_wd0.1_lr1x_fin0.1_s0"]
    base = runs["131K_tok262k_bs16_wd0.1_lr1x_fin0.1_s0"]
    differing = {
        key
        for key, value in run.hyperparameters.model_dump().items()
        if value != getattr(base.hyperparameters, key)
    }
    assert differing == {"tokens", "batch_size"}


def test_a_configuration_reached_twice_is_one_run(sample_config: dict[str, Any]) -> None:
    sweeps = [{"batch_size": [16, 64]}, {"batch_size": [64]}, {"weight_decay": [0.1]}]
    config = read_config(sample_config | {"design": sample_config["design"] | {"sweeps": sweeps}})
    assert len(expand(config)) == 2 * 2


def test_identity_knows_nothing_of_execution(sample_config: dict[str, Any]) -> None:
    before = expand(read_config(sample_config))
    execution = {"threads": 7, "micro_batch": 3, "save_minutes": 1}
    save = {"count": 3, "trainer_state": True}
    after = expand(read_config(sample_config | {"execution": execution, "save": save}))
    assert [run.identity() for run in before] == [run.identity() for run in after]
    assert [run.name for run in before] == [run.name for run in after]


def test_every_hyperparameter_is_in_the_name(sample_config: dict[str, Any]) -> None:
    base = read_config(sample_config).design.base
    size = read_config(sample_config).sizes[0]
    for key in type(base).model_fields:
        before = getattr(base, key)
        made: dict[str, Any] = {"late": Late(at=0.5, head_decay=2)}
        made |= {"cooldown": Cooldown(share=0.2, warmup=512)}
        made |= {"arm": Arm(name="K", does=Factor(kind="factor", share=0.4))}
        value = made.get(key, 400)
        other = base.model_copy(update={key: value if before is None else before * 2 + 1})
        assert run_name(size, other) != run_name(size, base)
    changes = [
        Late(at=0.5, head_decay=2),
        Late(at=0.4, head_decay=2),
        Late(at=0.5, head_decay=3),
        Late(at=0.5, weight_decay=2),
        Late(at=0.5, weight_decay=2, head_decay=3),
        Late(at=0.5, weight_decay=2, target="prose"),
    ]
    names = {run_name(size, base.model_copy(update={"late": late})) for late in changes}
    assert len(names) == len(changes)


def test_an_optional_choice_that_is_not_made_changes_no_identity(
    sample_config: dict[str, Any],
) -> None:
    run = expand(read_config(sample_config))[0]
    optional = {"init_seed", "data_seed", "beta2", "head_decay", "text_tokens", "token_noise"}
    optional |= {"late", "cooldown"}
    assert not optional & run.identity()["hyperparameters"].keys()
    assert not optional & run.to_json()["hyperparameters"].keys()
    assert run.name.endswith("_bs16_wd0.1_lr1x_fin0.1_s0")
    late = Late(at=0.67, weight_decay=1, target="prose")
    made = {"init_seed": 3, "data_seed": 4, "beta2": 0.99, "head_decay": 5, "text_tokens": 8000}
    made |= {"token_noise": 0.1, "late": late}
    changed = replace(run, hyperparameters=run.hyperparameters.model_copy(update=made))
    told = made | {"late": {"at": 0.67, "weight_decay": 1, "target": "prose"}}
    assert changed.identity()["hyperparameters"].items() >= told.items()
    assert Run.from_json(changed.to_json()) == changed
    covariates = changed.covariates()
    assert covariates["beta2_steps"] == pytest.approx(100)
    assert (covariates["init_seed"], covariates["data_seed"], covariates["seed"]) == (3, 4, 0)
    assert run.covariates()["beta2_steps"] == pytest.approx(20)
    assert run_name(run.size, changed.hyperparameters).endswith(
        "_beta0.99_head5x_text8k_noise0.1_late0.67-wd1-prose_s0i3d4"
    )
    assert changed.late_step == round(0.67 * run.steps) and run.late_step == run.steps


def test_late_changes_that_cannot_be_made_are_refused(sample_config: dict[str, Any]) -> None:
    for late, said in (
        ({"at": 0.5}, "changes nothing"),
        ({"at": 1.5, "weight_decay": 1}, "design.sweeps"),
        ({"at": 0.5, "target": "novels"}, "late.target 'novels' is none of perturbation.finetune"),
    ):
        mine = copy.deepcopy(sample_config)
        mine["design"]["sweeps"] = [{"late": [late]}]
        with pytest.raises(StudyError, match=said):
            read_config(mine)
    mine = copy.deepcopy(sample_config)
    mine["perturbation"]["finetune"]["code"]["late"] = {"at": 0.5, "weight_decay": 1}
    with pytest.raises(StudyError, match="only a run of the design changes late"):
        read_config(mine)


@pytest.mark.parametrize("sweep", [{"head_decay": [5]}, {"late": [{"at": 0.5, "head_decay": 5}]}])
def test_a_tied_head_has_no_decay_of_its_own(
    sample_config: dict[str, Any], sweep: dict[str, Any]
) -> None:
    mine = copy.deepcopy(sample_config)
    mine["model"]["tied"] = True
    mine["design"]["sweeps"] = [sweep]
    with pytest.raises(StudyError, match=r"head_decay needs a head of its own"):
        read_config(mine)


@given(st.floats(0, 10), st.floats(0, 10))
def test_close_values_have_different_names(a: float, b: float) -> None:
    size = Size(name="s", d_model=8, n_layers=1, n_heads=1)
    first, second = (
        Hyperparameters(
            tokens=1, batch_size=1, weight_decay=value, learning_rate=1, final_lr=0, seed=0
        )
        for value in (a, b)
    )
    assert (run_name(size, first) == run_name(size, second)) == (a == b)


def test_a_run_survives_json(sample_config: dict[str, Any]) -> None:
    import json

    for run in expand(read_config(sample_config)):
        assert Run.from_json(json.loads(json.dumps(run.to_json()))) == run


@given(st.integers(4, 10**6), st.integers(2, 40), st.floats(1e-4, 0.5))
def test_checkpoints_span_the_run(steps: int, count: int, first: float) -> None:
    planned = log_spaced_steps(steps, count, first)
    assert planned[0] == 0
    assert planned[-1] == steps
    assert list(planned) == sorted(set(planned))
    assert len(planned) <= count
    if steps > 100 * count / first:
        assert len(planned) == count


def test_log_spacing_is_even_in_the_logarithm() -> None:
    assert log_spaced_steps(1000, 5, 0.001) == (0, 1, 10, 100, 1000)


def test_further_steps_go_to_the_runs_that_match(sample_config: dict[str, Any]) -> None:
    also = {"33K_*": [7], "*_s2": [9]}
    runs = expand(read_config(sample_config | {"save": {"also": also}}))
    for run in runs:
        assert (7 in run.checkpoints) == (run.size.name == "33K")
        assert (9 in run.checkpoints) == (run.hyperparameters.seed == 2)


@pytest.mark.parametrize(
    ("spelled", "value"), [("262k", 262_000), ("8B", 8 * 10**9), ("1.5M", 1_500_000), ("12", 12)]
)
def test_quantities(spelled: str, value: int) -> None:
    assert parse_count(spelled) == value
    assert parse_count(spell_count(value)) == value


@example(8050)  # 8.05 * 1000 in floats is more than 8050
@example(1_563_996)  # 1563.996k in six digits is 1564k
@given(st.integers(1, 10**13))
def test_a_spelled_quantity_loses_nothing(value: int) -> None:
    assert parse_count(spell_count(value)) == value


def test_parameters_and_flops_of_a_known_shape(sample_config: dict[str, Any]) -> None:
    run = expand(read_config(sample_config))[-1]
    assert run.params_non_embedding == 16 * 64**2 * 2
    assert run.params_embedding == 2 * 2048 * 64
    assert run.steps == steps_of(262_000, 16, 128) == 128
    assert training_flops(run, 10) == 6 * (16 * 64**2 * 2 + 2048 * 64) * 10 * 16 * 128


def test_reading_a_study_imports_nothing_heavy() -> None:
    program = (
        "import sys, disentangle.study, disentangle.provenance; "
        "print([m for m in ('torch', 'pandas', 'olmo', 'lm_eval', 'numpy') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout.strip() == "[]", done.stderr


def test_a_size_can_be_tied_by_itself_and_untied_runs_stay_what_they_were(
    sample_config: dict[str, Any],
) -> None:
    size = sample_config["sizes"][0]
    both = [size, size | {"name": "tied", "tied": True}]
    runs = expand(read_config(sample_config | {"sizes": both}))
    untied, tied = (runs[i * len(runs) // 2] for i in range(2))
    assert (untied.model.tied, tied.model.tied) == (False, True)
    assert tied.params_embedding * 2 == untied.params_embedding
    assert "tied" not in untied.identity()["size"], "what was trained before the key was there"
    assert Run.from_json(tied.to_json()) == tied


PAPER_WEIGHTS = {
    "4M": 4.2e6,
    "8M": 8.4e6,
    "17M": 16.8e6,
    "25M": 25.2e6,
    "34M": 33.6e6,
    "75M": 75.5e6,
}


def test_the_papers_study_is_six_sizes_by_eighteen(paper_config: dict[str, Any]) -> None:
    config = read_config(paper_config, "paper.yaml")
    runs = expand(config)
    assert len(runs) == len({run.name for run in runs}) == 108
    for size, weights in PAPER_WEIGHTS.items():
        of_size = [run for run in runs if run.size.name == size]
        assert len(of_size) == 18
        assert len({run.configuration for run in of_size}) == 15  # and four seeds of one
        assert of_size[0].params_non_embedding == pytest.approx(weights, rel=0.01)
        assert of_size[0].size.d_model // of_size[0].size.n_heads == 64
    assert {(run.vocabulary, run.rows) for run in runs} == {(50280, 50304)}
    assert {len(run.checkpoints) for run in runs} == {20}
    assert {run.model.sequence_length for run in runs} == {1024}
    tokens = {run.hyperparameters.tokens for run in runs}
    assert (min(tokens), max(tokens)) == (8 * 10**9, 128 * 10**9)
    assert config.corpus.limit is not None and config.corpus.limit >= max(tokens)
    batches = {(r.hyperparameters.tokens, r.hyperparameters.batch_size) for r in runs}
    assert {(8 * 10**9, 32), (128 * 10**9, 512), (32 * 10**9, 32), (32 * 10**9, 512)} <= batches


def with_seeds(config: dict[str, Any], seeds: list[int], sweeps: list[Any]) -> dict[str, Any]:
    return config | {"design": config["design"] | {"seeds": seeds, "sweeps": sweeps}}


def test_seeds_repeat_every_configuration(sample_config: dict[str, Any]) -> None:
    sweeps = sample_config["design"]["sweeps"][:-1]  # without its seeds
    once = expand(read_config(with_seeds(sample_config, [0], sweeps)))
    twice = expand(read_config(with_seeds(sample_config, [0, 5], sweeps)))
    assert len(twice) == 2 * len(once)
    assert {run.name for run in once} < {run.name for run in twice}
    assert {run.hyperparameters.seed for run in twice} == {0, 5}
    assert twice[0].name == once[0].name


@pytest.mark.parametrize(
    ("seeds", "sweeps", "fault"),
    [
        ([0, 0], [], "each once"),
        ([1, 2], [], "must hold the base's seed"),
        ([], [], "at least 1 item"),
        ([0, 1], [{"seed": [1, 2]}], "no sweep may vary seed"),
    ],
)
def test_seeds_that_cannot_be(
    sample_config: dict[str, Any], seeds: list[int], sweeps: list[Any], fault: str
) -> None:
    with pytest.raises(StudyError, match=fault):
        read_config(with_seeds(sample_config, seeds, sweeps))


def with_cooldowns(config: dict[str, Any], **design: Any) -> dict[str, Any]:
    """The sample with a cooldown of its base and two shorter budgets."""
    base = config["design"]["base"] | {"cooldown": {"share": 0.2, "warmup": "13k"}}
    design = {"base": base, "cooldowns": ["65k", "131k"], "sweeps": []} | design
    return config | {"design": design, "perturbation": {"runs": ["base"]}}


def test_branches_follow_their_trunk_the_longest_first(sample_config: dict[str, Any]) -> None:
    sweeps = [{"weight_decay": [0.5]}]
    runs = expand(read_config(with_cooldowns(sample_config, sweeps=sweeps, seeds=[0, 1])))
    assert len(runs) == 2 * 2 * 2 * 3
    assert [run.hyperparameters.tokens for run in runs[:3]] == [262_000, 131_000, 65_000]
    trunk, longer, shorter = runs[:3]
    assert trunk.name == "33K_tok262k_bs16_wd0.1_lr1x_fin0.1_cool0.2w13k_s0"
    assert [run.trunk for run in runs[:3]] == [None, trunk.name, trunk.name]
    assert len(trunk.checkpoints) == 5
    assert longer.checkpoints == (longer.steps - round(longer.steps / 5), longer.steps)
    assert {run.warmup_steps for run in runs[:3]} == {round(13_000 / trunk.tokens_per_step)}
    assert [run.begins_at for run in runs[:3]] == [0, longer.cooling_step, shorter.cooling_step]
    own = own_flops(trunk) + own_flops(longer) + own_flops(shorter)
    apart = sum(training_flops(run, run.steps) for run in runs[:3])
    assert own / apart == pytest.approx((1 + 0.2 * 0.75) / 1.75, rel=0.02)
    assert Run.from_json(longer.to_json()) == longer
    assert longer.identity() == replace(longer, trunk=None).identity()


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"cooldowns": ["262k"]}, "must be shorter than base.tokens, 262000"),
        ({"cooldowns": ["65k", "65k"]}, "cooldowns: each once"),
        ({"sweeps": [{"tokens": ["131k"]}]}, "no sweep may vary tokens"),
        ({"sweeps": [{"late": [{"at": 0.5, "head_decay": 9}]}]}, "a trunk cannot change late"),
        ({"cooldowns": ["15k"]}, "which leaves none at the full rate"),
    ],
)
def test_cooldowns_that_cannot_be_are_refused(
    sample_config: dict[str, Any], changed: dict[str, Any], said: str
) -> None:
    with pytest.raises(StudyError, match=said):
        read_config(with_cooldowns(sample_config, **changed))


def test_cooldowns_need_a_cooldown(sample_config: dict[str, Any]) -> None:
    design = sample_config["design"] | {"cooldowns": ["65k"]}
    with pytest.raises(StudyError, match="cooldowns need base"):
        read_config(sample_config | {"design": design})


ARMS = {
    "D40": {"kind": "spectrum", "target": 0.4},
    "K": {"kind": "factor", "share": 0.4},
}


def with_arms(config: dict[str, Any], **design: Any) -> dict[str, Any]:
    changed = {"interventions": ARMS, "sweeps": [{"weight_decay": [0.5]}], "seeds": [0, 1, 2]}
    return config | {"design": config["design"] | changed | design}


def test_interventions_are_crossed_with_the_seeds_of_the_base(
    sample_config: dict[str, Any],
) -> None:
    runs = expand(read_config(with_arms(sample_config)))
    assert len(runs) == 2 * (2 * 3 + 2 * 3)
    arms = [run for run in runs if run.hyperparameters.arm]
    of_size = arms[:6]
    assert [run.covariates()["arm"] for run in of_size] == ["D40", "K"] * 3
    assert [run.hyperparameters.seed for run in of_size] == [0, 0, 1, 1, 2, 2]
    assert {run.configuration for run in arms} == {runs[0].configuration}
    assert of_size[0].name == "33K_tok262k_bs16_wd0.1_lr1x_fin0.1_arm-D40_s0"
    assert len({run.name for run in runs}) == len(runs)
    found = of_size[0].covariates()
    assert (found["intervention"], found["dose"]) == ("spectrum", 0.4)
    control = runs[0].covariates()
    assert (control["arm"], control["intervention"], control["dose"]) == ("", "", None)
    assert "arm" not in runs[0].identity()["hyperparameters"]
    told = of_size[0].identity()["hyperparameters"]["arm"]
    assert told == {
        "name": "D40",
        "does": {"kind": "spectrum", "target": 0.4, "pull": 0.05, "every": 1},
    }
    assert Run.from_json(of_size[1].to_json()) == of_size[1]


@pytest.mark.parametrize(
    ("arm", "said"),
    [
        ({"kind": "spectral", "target": 0.4}, r"design\.interventions\.A: kind is spectrum"),
        ({"target": 0.4}, r"design\.interventions\.A: kind is spectrum"),
        ({"kind": "spectrum", "target": 1.4}, r"design\.interventions\.A.*target: .*less than"),
        ({"kind": "spectrum"}, r"design\.interventions\.A.*target: is missing"),
        ({"kind": "gauge", "target": 0.4, "rms": 1}, r"design\.interventions\.A.*rms: unknown key"),
        ({"kind": "rotate", "size": True}, "is true or false"),
    ],
)
def test_interventions_that_are_none_are_refused(
    sample_config: dict[str, Any], arm: dict[str, Any], said: str
) -> None:
    with pytest.raises(StudyError, match=said):
        read_config(with_arms(sample_config, interventions={"A": arm}))


def test_interventions_need_a_head_that_is_whole_and_its_own(
    sample_config: dict[str, Any],
) -> None:
    arms, an_arm = with_arms(sample_config), {"name": "x", "does": ARMS["K"]}
    for mine, said in (
        (arms | {"model": arms["model"] | {"tied": True}}, "W needs to be a matrix of its own"),
        (arms | {"execution": {"strategy": "fsdp"}}, "use execution.strategy: ddp"),
        (
            with_arms(sample_config, base=arms["design"]["base"] | {"head_decay": 2}),
            "factors have no decay of the head",
        ),
        (
            with_arms(sample_config, base=arms["design"]["base"] | {"arm": an_arm}),
            "arms are made from design.interventions",
        ),
    ):
        with pytest.raises(StudyError, match=said):
            read_config(mine)
