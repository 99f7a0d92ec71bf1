"""Read a study file, or name every fault in it by its path."""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from textwrap import shorten
from typing import Any

from pydantic import BaseModel, ValidationError

from disentangle.errors import StudyError, counted, listed
from disentangle.study.cohorts import cohorts
from disentangle.study.config import StudyConfig
from disentangle.study.grid import expand
from disentangle.study.run import configuration_name, steps_of
from disentangle.study.sections.measuring import Geometry
from disentangle.study.sections.perturbation import Perturbation
from disentangle.vocabulary.scores import LOSSES


def _path(location: tuple[int | str, ...]) -> str:
    path = ""
    for part in location:
        path += f"[{part}]" if isinstance(part, int) else f".{part}" if path else str(part)
    return path or "(whole file)"


def _faults_of(error: ValidationError) -> list[str]:
    faults = []
    for item in error.errors(include_url=False):
        message = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            message = "unknown key"
        elif item["type"] == "missing":
            message = "is missing"
        elif not isinstance(item["input"], dict | list | BaseModel):
            message += f" (got {shorten(repr(item['input']), 60)})"
        faults.append(f"{_path(item['loc'])}: {message}")
    return faults


MOST_RUNS = 20_000
"""More runs must be a mistake in a list: each has a folder, and planning takes a minute."""


def _is_score(outcome: str, config: StudyConfig) -> bool:
    """Whether a study may have a column of that name; a task's metrics are not known here."""
    domains = config.corpus.heldout
    losses = {loss.of(domain) for domain in domains for loss in LOSSES}
    tasks = tuple(f"{task.name}_" for task in config.evaluation.tasks)
    return outcome in losses or (bool(tasks) and outcome.startswith(tasks))


def _faults_of_number(config: StudyConfig) -> list[str]:
    """Refuse too many runs before they are expanded."""
    values = sum(len(next(iter(sweep.varied.values()))) for sweep in config.design.sweeps)
    repeats = len(config.design.seeds or [0]) * (1 + len(config.design.cooldowns))
    runs = len(config.sizes) * (1 + values) * repeats
    if runs > MOST_RUNS:
        return [f"design: {runs} runs are more than the {MOST_RUNS} that a study may have"]
    return []


def _faults_of_names(config: StudyConfig) -> list[str]:
    """Models from elsewhere that have the name of a run or job of the study."""
    runs = expand(config, also={})
    ours = {run.name for run in runs} | cohorts(runs, config.execution.runs_per_job).keys()
    return [
        f"checkpoints.{name}: a run or job of this study has that name; give it another"
        for name in config.checkpoints
        if name in ours
    ]


def _faults_between_sections(config: StudyConfig) -> list[str]:
    """Faults that appear only when two sections are read together."""
    faults = []
    tokens_per_sequence = config.model.sequence_length
    budgets = [("design.base", config.design.base.tokens, config.design.base.batch_size)]
    for i, sweep in enumerate(config.design.sweeps):
        count = len(next(iter(sweep.varied.values())))
        base = config.design.base
        budgets += [
            (
                f"design.sweeps[{i}]",
                (sweep.tokens or [base.tokens] * count)[j],
                (sweep.batch_size or [base.batch_size] * count)[j],
            )
            for j in range(count)
        ]
    for path, tokens, batch_size in budgets if config.sizes else []:
        steps = steps_of(tokens, batch_size, tokens_per_sequence)
        if steps < config.save.count - 1:
            faults.append(
                f"{path}: {tokens} tokens are {steps} steps of {batch_size} x "
                f"{tokens_per_sequence} tokens, too few for save.count {config.save.count}"
            )
    if config.corpus.sharded and config.tokenizer.name is None:
        what = "a source tokens:GLOB" if config.corpus.ready_made else "more than one shard"
        faults.append(
            f"corpus: {what} needs tokenizer.name; a tokenizer is trained on text that is gathered "
            "whole"
        )
    for i, domain in enumerate(config.geometry.representations.domains):
        if domain not in config.corpus.heldout:
            faults.append(
                f"geometry.representations.domains[{i}]: no held-out domain {domain!r}; "
                f"there are {', '.join(config.corpus.heldout)}"
            )
    for i, outcome in enumerate(config.statistics.outcomes or []):
        if not config.observations and not _is_score(outcome, config):
            faults.append(
                f"statistics.outcomes[{i}]: {outcome!r} is no score of this study; write "
                "<domain>_bits_per_byte, <domain>_loss or <task>_<metric>"
            )
    read = config.geometry.representations.max_tokens
    if not config.observations and read > tokens_per_sequence:
        faults.append(
            "geometry.representations.max_tokens: longer than model.sequence_length "
            f"{tokens_per_sequence}, which the models were not trained for"
        )
    faults += _faults_of_perturbation(config)
    faults += _faults_of_cooldowns(config) if not faults else []
    faults += _faults_of_names(config) if not faults else []
    if faults:
        return faults

    runs = expand(config, also={})
    for pattern, steps_wanted in config.save.also.items():
        matching = [run for run in runs if fnmatchcase(run.name, pattern)]
        if not matching:
            faults.append(f"save.also[{pattern!r}]: matches none of the {len(runs)} runs")
        for run in matching:
            if beyond := [step for step in steps_wanted if step > run.steps]:
                faults.append(
                    f"save.also[{pattern!r}]: step {max(beyond)} is beyond the budget of "
                    f"{run.name}, which has {run.steps} steps"
                )
                break
    return faults


def _faults_of_cooldowns(config: StudyConfig) -> list[str]:
    """Runs that would cool down before they are warm, or for less than a step."""
    return [
        f"design: {run.name} has {run.steps} steps: a warm-up of {run.warmup_steps} and a cooldown "
        f"of {run.steps - run.cooling_step}, which leaves none at the full rate; change "
        "base.cooldown or the budgets"
        for run in expand(config, also={})
        if run.hyperparameters.cooldown and not run.warmup_steps < run.cooling_step < run.steps
    ][:5]


def _observations_alone(config: StudyConfig) -> StudyConfig:
    """If a table replaces the models, drop the models of the file that this one is overlaid on."""
    if config.observations is None:
        return config
    nothing = {
        "sizes": [],
        "checkpoints": {},
        "perturbation": Perturbation(runs=[]),
        "geometry": Geometry(),
        "execution": config.execution.model_copy(update={"by_size": {}}),
    }
    return config.model_copy(update=nothing)


def _with_base_as_pattern(config: StudyConfig) -> StudyConfig:
    """Replace `base` in the perturbation section by the name of the design's base configuration."""
    base = config.design.base
    pattern = f"*_{configuration_name(base)}_s{base.seed}"
    runs = [pattern if wanted == "base" else wanted for wanted in config.perturbation.runs]
    perturbation = config.perturbation.model_copy(update={"runs": runs})
    return config.model_copy(update={"perturbation": perturbation})


def _faults_of_perturbation(config: StudyConfig) -> list[str]:
    faults = []
    for target, settings in config.perturbation.finetune.items():
        path = f"perturbation.finetune.{target}"
        if settings.domain not in config.corpus.heldout:
            faults.append(
                f"{path}.domain: no held-out domain {settings.domain!r}; "
                f"there are {', '.join(config.corpus.heldout)}"
            )
        if not steps_of(settings.tokens, settings.batch_size, config.model.sequence_length):
            faults.append(
                f"{path}: {settings.tokens} tokens are less than half a step of "
                f"{settings.batch_size} x {config.model.sequence_length} tokens"
            )
    if surgery := config.perturbation.surgery:
        recovery, length = surgery.recovery, config.model.sequence_length
        if not steps_of(recovery.tokens, recovery.batch_size, length):
            faults.append(
                f"perturbation.surgery.recovery: {recovery.tokens} tokens are less than half a "
                f"step of {recovery.batch_size} x {length} tokens"
            )
    runs = expand(config, also={}) if not faults else []
    lates = [run.hyperparameters.late for run in runs]
    wanted = {late.target for late in lates if late and late.target}
    faults += [
        f"design: late.target {target!r} is none of perturbation.finetune, whose text it reads"
        for target in sorted(wanted - config.perturbation.finetune.keys())
    ]
    names = [run.name for run in runs]
    for i, pattern in enumerate(config.perturbation.runs):
        if names and not any(fnmatchcase(name, pattern) for name in names):
            faults.append(f"perturbation.runs[{i}]: {pattern!r} matches none of {len(names)} runs")
    held_out = config.corpus.heldout["id"].passages
    if held_out <= config.evaluation.passages:
        faults += [
            f"{key}: calibrates on id passages that evaluation does not read, and it reads all "
            f"{held_out}; raise corpus.heldout.id.passages"
            for key in _calibrating(config.perturbation)
        ]
    return faults


def _calibrating(perturbation: Perturbation) -> list[str]:
    """The keys of perturbations that are fitted to text."""
    surgery = perturbation.surgery
    fitted = (
        {name: each.fits_temperature for name, each in surgery.operations.items()}
        if surgery
        else {}
    )
    found = [f"perturbation.surgery.operations.{name}" for name, fits in fitted.items() if fits]
    return [*(["perturbation.quantize"] if perturbation.quantize else []), *found]


def read_config(raw: Mapping[str, Any], source: str = "config.yaml") -> StudyConfig:
    """Check a parsed study file.

    Args:
        raw: the mapping from a YAML reader.
        source: the file's name, for messages.

    Raises:
        StudyError: naming every fault by its path in the file, all at once.
    """
    try:
        config = _observations_alone(StudyConfig.model_validate(dict(raw)))
        config = _with_base_as_pattern(config)
        faults = _faults_of_number(config) or _faults_between_sections(config)
    except ValidationError as error:
        faults = _faults_of(error)
    if faults:
        raise StudyError(
            f"{source} has {counted(faults)}:\n{listed(faults)}\n"
            "Every key is explained in config.yaml and docs/studies.md. Nothing was started."
        )
    return config
