"""From a design to runs: sizes x (base configuration and the sweeps around it)."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from fnmatch import fnmatchcase

from disentangle.study.config import StudyConfig, rows_in_weights
from disentangle.study.external import ExternalRun
from disentangle.study.run import Run, run_name, steps_of
from disentangle.study.sections.design import Hyperparameters
from disentangle.study.sections.interventions import Arm
from disentangle.study.sections.model import Size


def log_spaced_steps(steps: int, count: int, first: float) -> tuple[int, ...]:
    """`count` steps from 0 to `steps`: 0, then log-spaced from `first * steps`.

    Short runs may give fewer, since no step is repeated.
    """
    points = count - 1
    shares = [first ** (i / max(points - 1, 1)) for i in range(points)]
    return tuple(sorted({0} | {max(1, round(share * steps)) for share in shares}))


def configurations(config: StudyConfig) -> list[Hyperparameters]:
    """The base configuration and every variation of it by a sweep, each once, in file order.

    If the design has several seeds, each configuration is repeated with all of them in turn. If it
    has cooldowns, each run is followed by its branches, the longest first. If it has interventions,
    the base configuration follows once more with each of its seeds under each of them.
    """
    base = config.design.base
    found = {base: None}
    for sweep in config.design.sweeps:
        for values in zip(*sweep.varied.values(), strict=True):
            departure = dict(zip(sweep.varied, values, strict=True))
            found[base.model_copy(update=departure)] = None
    seeds = config.design.seeds
    repeated = [h.model_copy(update={"seed": s}) for h in found for s in seeds] if seeds else found
    repeated = [*repeated, *_arms(config, repeated)]
    budgets = [base.tokens, *sorted(config.design.cooldowns, reverse=True)]
    if len(budgets) == 1:
        return repeated
    return [h.model_copy(update={"tokens": tokens}) for h in repeated for tokens in budgets]


def _arms(config: StudyConfig, runs: Iterable[Hyperparameters]) -> list[Hyperparameters]:
    """The base configuration with each of its seeds under each intervention, seeds outermost."""
    base = config.design.base
    seeds = ("seed", "init_seed", "data_seed")
    blocks = [h for h in runs if base.model_copy(update={n: getattr(h, n) for n in seeds}) == h]
    arms = [Arm(name=name, does=does) for name, does in config.design.interventions.items()]
    return [h.model_copy(update={"arm": arm}) for h in blocks for arm in arms]


def expand(config: StudyConfig, also: dict[str, list[int]] | None = None) -> list[Run]:
    """Expand a study into its runs, sizes outermost.

    Args:
        config: the study.
        also: further checkpoint steps by run-name pattern; `config.save.also` by default.

    Returns:
        Runs in file order; a configuration that two sweeps reach appears once.
    """
    also = config.save.also if also is None else also
    rows = rows_in_weights(config)
    runs = []
    for size in config.sizes:
        tied = config.model.tied if size.tied is None else size.tied
        model = config.model.model_copy(update={"tied": tied})
        for h in configurations(config):
            run = Run(
                name=run_name(size, h),
                size=size,
                model=model,
                optimizer=config.optimizer,
                hyperparameters=h,
                vocabulary=config.tokenizer.vocab_size,
                rows=rows,
                steps=steps_of(h.tokens, h.batch_size, config.model.sequence_length),
                checkpoints=(),
                trunk=_trunk(config, size, h),
            )
            runs.append(replace(run, checkpoints=_planned(run, config, also)))
    return runs


def _trunk(config: StudyConfig, size: Size, h: Hyperparameters) -> str | None:
    """The name of the run that a branch begins as; None for a run of its own."""
    if h.tokens not in config.design.cooldowns:
        return None
    return run_name(size, h.model_copy(update={"tokens": config.design.base.tokens}))


def _planned(run: Run, config: StudyConfig, also: Mapping[str, list[int]]) -> tuple[int, ...]:
    """The steps at which a run has checkpoints; a branch, where it cools and at its end."""
    planned = set(log_spaced_steps(run.steps, config.save.count, config.save.first))
    if run.trunk:
        planned = {run.cooling_step, run.steps}
    for pattern, further in also.items():
        if fnmatchcase(run.name, pattern):
            planned.update(further)
    return tuple(sorted(planned))


def external_runs(config: StudyConfig) -> list[ExternalRun]:
    """The models that a study takes from elsewhere, by name."""
    return [
        ExternalRun(
            name=name,
            source=external.source,
            revisions=external.revisions,
            tokens_per_step=external.tokens_per_step,
            known=external.covariates.model_dump(exclude_none=True),
            tokenizer=external.tokenizer,
        )
        for name, external in sorted(config.checkpoints.items())
    ]
