"""Make the spec of every job from a study."""

from collections.abc import Callable

from disentangle.geometry.user_metric import read_user_metrics
from disentangle.study.config import StudyConfig
from disentangle.study.findings import findings_of
from disentangle.study.hub_items import hub_items
from disentangle.study.jobs import Jobs
from disentangle.study.perturbation import compressions, finetuned
from disentangle.study.sections.execution import Execution
from disentangle.study.specs import estimates, evaluation, geometry, models, report, tables, text
from disentangle.study.specs.spec import Spec

ONLY = "study"
"""Name of a rule's only job."""

CodeOf = Callable[[str], str]
"""Maps the name of a script to the hash of its code."""


def specs_of(study: StudyConfig, code_of: CodeOf) -> dict[str, dict[str, Spec]]:
    """The spec of every job of a study.

    Args:
        study: the whole study file.
        code_of: hashes the code of a script of `workflow/scripts`.

    The files of the user's own metrics are read; see `user_metric.read_user_metric` for errors.

    Returns:
        Rule to job to spec. The only job of a rule has the name `ONLY`. The further key "execution"
        has a `models.ExecutionSpec`; changing it runs nothing again.
    """
    jobs = Jobs(study)
    found = _of_tables(jobs, code_of)
    if study.observations:
        return found
    return found | _of_text(jobs, code_of) | _of_models(jobs, code_of)


def _of_text(jobs: Jobs, code_of: CodeOf) -> dict[str, dict[str, Spec]]:
    study, corpus, targets = jobs.study, jobs.study.corpus, jobs.study.perturbation.finetune
    length = study.model.sequence_length
    found: dict[str, dict[str, Spec]] = {
        "warm": {ONLY: text.Warm(needed=hub_items(study), code=code_of("warm.py"))},
        "gather_passages": {
            domain: text.GatherPassages(
                heldout=corpus.heldout[domain],
                halved=domain in jobs.finetuned_domains,
                code=code_of("gather_passages.py"),
            )
            for domain in jobs.domains
        },
        "gather_target": {
            name: text.GatherTarget(
                domains=jobs.domains,
                source=corpus.heldout[targets[name].domain].source,
                tokens=targets[name].tokens,
                code=code_of("gather_target.py"),
            )
            for name in jobs.targets
        },
        "tokenize_target": {
            name: text.Tokenize(limit=targets[name].tokens, code=code_of("tokenize.py"))
            for name in jobs.targets
        },
    }
    if study.tokenizer.name is None:
        trained = text.TrainTokenizer(
            vocab_size=study.tokenizer.vocab_size,
            max_length=length,
            code=code_of("train_tokenizer.py"),
        )
        found["train_tokenizer"] = {ONLY: trained}
    else:
        taken = text.TakeTokenizer(
            tokenizer=study.tokenizer, max_length=length, code=code_of("take_tokenizer.py")
        )
        found["take_tokenizer"] = {ONLY: taken}
    return found | (_of_shards if corpus.sharded else _of_documents)(jobs, code_of)


def _of_documents(jobs: Jobs, code_of: CodeOf) -> dict[str, dict[str, Spec]]:
    corpus = jobs.study.corpus
    gathered = text.GatherDocuments(sources=corpus.train, code=code_of("gather_documents.py"))
    leaked = text.MeasureLeakage(domains=jobs.domains, code=code_of("measure_leakage.py"))
    return {
        "gather_documents": {ONLY: gathered},
        "tokenize": {ONLY: text.Tokenize(limit=corpus.limit, code=code_of("tokenize.py"))},
        "measure_leakage": {ONLY: leaked},
    }


def _of_shards(jobs: Jobs, code_of: CodeOf) -> dict[str, dict[str, Spec]]:
    corpus = jobs.study.corpus
    shard = text.TokenizeShard(
        sources=corpus.train,
        limit=corpus.limit,
        shards=corpus.shards,
        tokenizer=jobs.study.tokenizer,
        code=code_of("tokenize_shard.py"),
    )
    found = text.MeasureLeakage(domains=jobs.domains, code=code_of("find_overlap.py"))
    joined = text.MeasureLeakage(domains=jobs.domains, code=code_of("join_overlap.py"))
    return {
        "tokenize_shard": dict.fromkeys(jobs.shards, shard),
        "join_shards": {ONLY: text.JoinShards(code=code_of("join_shards.py"))},
        "find_overlap": dict.fromkeys(jobs.shards, found),
        "measure_leakage": {ONLY: joined},
    }


def _of_models(jobs: Jobs, code_of: CodeOf) -> dict[str, dict[str, Spec]]:
    study, perturbation = jobs.study, jobs.study.perturbation
    reading = {
        "domains": jobs.domains_of_h,
        "max_tokens": study.geometry.representations.max_tokens,
    }
    own = read_user_metrics(study.geometry.metrics)
    measured = geometry.MeasureGeometry(**reading, metrics=own, code=code_of("measure_geometry.py"))
    evaluated = evaluation.EvaluateCheckpoints(
        settings=study.evaluation.model_copy(update={"token_trends": False}),
        domains=jobs.domains,
        code=code_of("evaluate_checkpoints.py"),
    )
    found: dict[str, dict[str, Spec]] = {
        "pretrain": {
            name: models.Pretrain(runs=list(runs), keep_states=study.save.trainer_state)
            for name, runs in jobs.cohorts.items()
        },
        "import_checkpoint": {
            name: models.ImportCheckpoint(run=run, code=code_of("import_checkpoint.py"))
            for name, run in jobs.external.items()
        },
        "measure_geometry": dict.fromkeys(jobs.measured, measured),
        "evaluate_checkpoints": dict.fromkeys(jobs.measured, evaluated),
        "finetune": {
            name: models.Finetune(
                runs=runs,
                perturbation=perturbation.model_copy(
                    update={"runs": [], "quantize": None, "surgery": None}
                    | {"truncate": {}, "prune": None}
                ),
            )
            for name, runs in jobs.perturbed.items()
            if perturbation.finetune
        },
        "quantize": {
            name: models.Quantize(
                runs=runs,
                settings=perturbation.quantize,
                passages_evaluated=study.evaluation.passages,
                code=code_of("quantize.py"),
            )
            for name, runs in jobs.perturbed.items()
            if perturbation.quantize
        },
        "compress": {
            name: models.Compress(
                runs=runs,
                compressions=compressions(perturbation),
                code=code_of("compress.py"),
            )
            for name, runs in jobs.compressed.items()
        },
    }
    found |= _of_surgery(jobs, code_of)
    if study.geometry.layers:
        compared = geometry.CompareLayers(**reading, code=code_of("compare_layers.py"))
        found["compare_layers"] = dict.fromkeys(jobs.measured, compared)
        found["collect_layers"] = {ONLY: tables.CollectLayers(code=code_of("collect_layers.py"))}
    if study.evaluation.token_trends:
        followed = evaluation.FollowTokens(
            passages=study.evaluation.passages,
            max_tokens=study.model.sequence_length,
            code=code_of("follow_tokens.py"),
        )
        found["follow_tokens"] = dict.fromkeys(jobs.measured, followed)
    if study.geometry.matrices == "all":
        every = geometry.MeasureMatrices(code=code_of("measure_matrices.py"))
        found["measure_matrices"] = dict.fromkeys(jobs.measured, every)
        joined = tables.CollectMatrices(code=code_of("collect_matrices.py"))
        found["collect_matrices"] = {ONLY: joined}
    if study.geometry.gradients:
        found["measure_gradients"] = {
            name: geometry.MeasureGradients(
                runs=list(runs),
                batches=study.geometry.gradients,
                code=code_of("measure_gradients.py"),
            )
            for name, runs in jobs.cohorts.items()
        }
        slopes = tables.CollectGradients(code=code_of("collect_gradients.py"))
        found["collect_gradients"] = {ONLY: slopes}
    collected = tables.Collect(
        runs=list(jobs.runs.values()),
        external=list(jobs.external.values()),
        metrics=own,
        code=code_of("collect.py"),
    )
    how = models.ExecutionSpec(execution=study.execution)
    return found | {"collect": {ONLY: collected}, "execution": {ONLY: how}}


def _of_surgery(jobs: Jobs, code_of: CodeOf) -> dict[str, dict[str, Spec]]:
    study, surgery, operated = jobs.study, jobs.study.perturbation.surgery, jobs.operated
    if surgery is None:
        return {}
    collected = tables.CollectSurgery(
        runs=[run for runs in operated.values() for run in runs],
        domains=jobs.domains,
        code=code_of("collect_surgery.py"),
    )
    return {
        "operate": {
            name: models.Operate(
                runs=runs,
                operations=surgery.operations,
                sequences=surgery.sequences,
                passages_evaluated=study.evaluation.passages,
                code=code_of("operate.py"),
            )
            for name, runs in operated.items()
        },
        "recover": {
            name: models.Recover(runs=runs, surgery=surgery) for name, runs in operated.items()
        },
        "measure_surgery": {
            name: geometry.MeasureSurgery(
                runs=runs, surgery=surgery, code=code_of("measure_surgery.py")
            )
            for name, runs in operated.items()
        },
        "collect_surgery": {ONLY: collected},
    }


def _of_tables(jobs: Jobs, code_of: CodeOf) -> dict[str, dict[str, Spec]]:
    study, settings, runs = jobs.study, jobs.study.statistics, list(jobs.runs.values())
    one: dict[str, Spec] = {
        "analyze": estimates.Analyze(
            settings=settings,
            domains=jobs.domains,
            finetuned=dict(jobs.finetuned),
            code=code_of("analyze.py"),
        ),
        "simulate": tables.Simulate(
            settings=settings.calibration,
            seed=settings.seed,
            runs=runs,
            code=code_of("simulate.py"),
        ),
        "draw_figures": tables.DrawFigures(
            figures=jobs.figures,
            perturbation=study.perturbation.model_copy(update={"surgery": None}),
            runs=runs,
            code=code_of("draw_figures.py"),
        ),
        "write_report": report.WriteReport(
            study=study.model_copy(update={"execution": Execution()}),
            tables=jobs.tables,
            cohorts={name: [run.name for run in runs] for name, runs in jobs.cohorts.items()},
            code=code_of("write_report.py"),
        ),
    }
    if jobs.experiment:
        one["analyze_experiment"] = estimates.AnalyzeExperiment(
            settings=settings, code=code_of("analyze_experiment.py")
        )
    if findings := findings_of(study):
        one["judge_neighbours"] = estimates.JudgeNeighbours(
            findings=findings,
            targets=dict(jobs.finetuned),
            rates={
                finetuned(target): settings.learning_rate
                for target, settings in study.perturbation.finetune.items()
            },
            resamples=settings.resamples,
            seed=settings.seed,
            code=code_of("judge_neighbours.py"),
        )
    if study.observations:
        one["take_observations"] = tables.TakeObservations(
            reading=study.observations,
            outcomes=settings.outcomes,
            code=code_of("take_observations.py"),
        )
    return {rule: {ONLY: spec} for rule, spec in one.items()}
