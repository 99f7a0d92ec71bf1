"""How many measurements a study has, and how many of them are made."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from disentangle.checkpoint.cache import Cache
from disentangle.checkpoint.manifest import read_run, read_step, run_manifest
from disentangle.checkpoint.quarantine import read_all_quarantined
from disentangle.checkpoint.references import (
    BASE,
    perturbed_references,
    read_perturbed,
    trained_references,
)
from disentangle.corpus.documents import read_texts
from disentangle.evaluation.measure import evaluating_code, key_maker
from disentangle.geometry.measurements import measurement_codes
from disentangle.geometry.of_run import cache_keys, with_own
from disentangle.geometry.user_metric import read_user_metrics
from disentangle.parquet import read_parquet
from disentangle.storage import sha256_of
from disentangle.study.external import ExternalRun
from disentangle.study.jobs import Jobs
from disentangle.study.perturbation import perturbed_runs, surgery_variants, variants
from disentangle.study.results_folder import KINDS, StudyFolder, matching
from disentangle.study.run import Run
from disentangle.study.sections.measuring import Evaluation
from disentangle.study.sections.perturbation import Perturbation
from disentangle.vocabulary.matrices import places
from disentangle.vocabulary.user_metric import UserMetric


@dataclass(frozen=True)
class Measurements:
    """Measurements of one kind."""

    kind: str
    planned: int
    done: int
    redone: int
    """How many of those to do were finished before, under other settings, text or code."""
    quarantined: int = 0
    """Neither done nor to do: the checkpoint or this task of it is quarantined."""


@dataclass(frozen=True)
class Results:
    """The results of a study that exist so far."""

    folder: StudyFolder

    def heldout(self, domains: Iterable[str]) -> dict[str, Path] | None:
        """The passages of held-out domains, or None if they are not gathered yet."""
        paths = {domain: self.folder.heldout(domain) for domain in domains}
        return paths if all(path.exists() for path in paths.values()) else None

    def trained(self, runs: Iterable[Run | ExternalRun]) -> list[Path]:
        """Manifests of those runs that have one."""
        manifests = (run_manifest(self.folder.checkpoints, run.name) for run in runs)
        return [path for path in manifests if path.exists()]

    def quarantined(self, stage: str) -> set[tuple[Any, ...]]:
        """What the jobs of a stage quarantined: run, step, variant, task; see `Quarantined`."""
        found = read_all_quarantined(matching(self.folder.quarantined(stage, "*")))
        return {(one.run, one.step, one.variant, one.task) for one in found}

    def finished(self, stage: str, columns: list[str]) -> set[tuple[Any, ...]]:
        """The values of these columns in the finished tables of a stage."""
        found: set[tuple[Any, ...]] = set()
        for path in matching(self.folder.measured(stage, "*")):
            rows = read_parquet(path, columns=columns)
            found.update(zip(*(rows.column(name).to_pylist() for name in columns), strict=True))
        return found


def measurements_of(jobs: Jobs, results: Results) -> list[Measurements]:
    """Count a study's matrices and evaluations."""
    study, runs, external = jobs.study, list(jobs.runs.values()), list(jobs.external.values())
    geometry = geometry_measurements(
        [*runs, *external],
        results,
        domains=jobs.domains_of_h,
        max_tokens=study.geometry.representations.max_tokens,
        own=read_user_metrics(study.geometry.metrics),
    )
    evaluation = evaluation_measurements(
        runs,
        external,
        results,
        study.perturbation,
        domains=jobs.domains,
        settings=study.evaluation,
    )
    return [geometry, evaluation]


def _counted(
    kind: str,
    planned: int,
    keys: dict[tuple[Any, ...], list[dict[str, Any]]],
    results: Results,
    columns: list[str],
) -> Measurements:
    made = Cache(results.folder.cache(kind))
    absent = {place for place, of_place in keys.items() if not all(map(made.has, of_place))}
    named = results.quarantined(kind)
    quarantined = {place for place in absent if _names(place, columns) & named}
    redone = len((absent - quarantined) & results.finished(kind, columns))
    return Measurements(kind, planned, len(keys) - len(absent), redone, len(quarantined))


def _names(place: tuple[Any, ...], columns: list[str]) -> set[tuple[Any, ...]]:
    """The names under which a measurement may be quarantined: its checkpoint, or its task of it."""
    at = dict(zip(columns, place, strict=True))
    checkpoint = (at["run"], at["step"], at.get("variant", BASE))
    return {(*checkpoint, ""), (*checkpoint, at.get("task", ""))}


def _expected(runs: Sequence[Run | ExternalRun], results: Results) -> dict[str, int]:
    """How many checkpoints of each run are to be measured; quarantined ones are not."""
    found = {run.name: len(run.checkpoints) for run in runs}
    for path in results.trained(runs):
        manifest = read_run(path)
        found[manifest.run] -= len(manifest.quarantined)
    return found


def geometry_measurements(
    runs: Sequence[Run | ExternalRun],
    results: Results,
    *,
    domains: list[str],
    max_tokens: int,
    own: Sequence[UserMetric],
) -> Measurements:
    """Count the matrices to measure, of every checkpoint.

    A matrix is done when every measurement of it was made by the present code. `max_tokens` is as
    in `geometry.of_run.cache_keys`; `own` are the user's own metrics.
    """
    planned = sum(_expected(runs, results).values()) * len(places(domains))
    heldout = results.heldout(domains)
    codes = with_own(measurement_codes(), own)
    keys: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    if heldout is not None:
        hashes = {domain: sha256_of(path) for domain, path in heldout.items()}
        for path in results.trained(runs):
            manifest = read_run(path)
            for step in manifest.checkpoints:
                content = read_step(manifest, path.parent, step).content_sha256
                by_place = cache_keys(content, hashes, max_tokens, codes)
                for place, of_matrix in by_place.items():
                    keys[manifest.run, step, *place] = list(of_matrix.values())
    return _counted("geometry", planned, keys, results, ["run", "step", "matrix", "domain"])


def evaluation_measurements(
    runs: Sequence[Run],
    external: Sequence[ExternalRun],
    results: Results,
    perturbation: Perturbation,
    *,
    domains: list[str],
    settings: Evaluation,
) -> Measurements:
    """Count the evaluations: held-out losses of every checkpoint, including perturbed ones, and
    tasks of the last unperturbed one, or of all unperturbed ones if the study says so.

    `runs` are trained here; `external` come from elsewhere and are not perturbed. `domains` and
    `settings` are as in `evaluation.measure`.
    """
    measured: list[Run | ExternalRun] = [*runs, *external]
    expected = _expected(measured, results)
    checkpoints = sum(expected.values())
    kept = [*variants(perturbation), *surgery_variants(perturbation)]
    checkpoints += len(perturbed_runs(runs, perturbation)) * len(kept)
    planned = checkpoints * len(domains) + sum(
        count if task.every_checkpoint else min(count, 1)
        for count in expected.values()
        for task in settings.tasks
    )
    heldout = results.heldout(domains)
    keys: dict[tuple[Any, ...], list[dict[str, Any]]] = {}
    if heldout is not None:
        texts = {
            f"heldout_{domain}": read_texts(path)[: settings.passages]
            for domain, path in heldout.items()
        }
        keys_of = key_maker(texts, settings, evaluating_code())
        manifests = {path.parent.name: path for path in results.trained(measured)}
        outcomes = [
            outcome
            for kind in KINDS
            for path in matching(results.folder.perturbation(kind, "*"))
            for outcome in read_perturbed(path)
            if outcome.run in manifests
        ]
        references = trained_references(manifests.values())
        references += perturbed_references(outcomes, manifests, results.folder.perturbed)
        for reference in references:
            for key in keys_of(reference):
                keys[reference.run, reference.step, reference.variant, key["task"]] = [key]
    return _counted("evaluation", planned, keys, results, ["run", "step", "variant", "task"])
