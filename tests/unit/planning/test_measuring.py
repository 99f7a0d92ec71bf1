"""The plan counts measurements as those that measure them will find them."""

import shutil
from pathlib import Path

import pytest
from trained import Bench

from disentangle.checkpoint.cache import Cache
from disentangle.checkpoint.quarantine import Quarantined, write_quarantined
from disentangle.geometry.measurements import measurement_codes
from disentangle.geometry.of_run import measure_run
from disentangle.planning import measuring
from disentangle.planning.measuring import (
    Measurements,
    Results,
    evaluation_measurements,
    geometry_measurements,
)
from disentangle.planning.screen import _of
from disentangle.study.results_folder import StudyFolder
from disentangle.study.sections.perturbation import Perturbation
from disentangle.tables.files import write_table
from disentangle.tables.geometry import GEOMETRY

DOMAINS = ["id", "code"]


@pytest.fixture
def results(bench: Bench, trained_run: Path, tmp_path: Path) -> Results:
    """A study's folder with one of its two runs trained, and nothing measured."""
    shutil.copytree(trained_run, tmp_path / "checkpoints" / trained_run.name)
    for domain, path in bench.heldout.items():
        (tmp_path / "corpus" / "heldout").mkdir(parents=True, exist_ok=True)
        shutil.copy(path, tmp_path / "corpus" / "heldout" / f"{domain}.parquet")
    return Results(StudyFolder(tmp_path))


def count(bench: Bench, results: Results) -> Measurements:
    return geometry_measurements(bench.runs, results, domains=DOMAINS, max_tokens=16, own=[])


def test_geometry_is_counted_by_what_is_there(
    bench: Bench, results: Results, monkeypatch: pytest.MonkeyPatch
) -> None:
    # two runs of three checkpoints: W and Wproj; H, Wfisher and Wlogit on each domain
    planned = 2 * 3 * (2 + 3 * len(DOMAINS))
    assert count(bench, results) == Measurements("geometry", planned, 0, 0)
    run = bench.runs[0].name
    rows, _ = measure_run(
        results.folder.checkpoints / run / "manifest.json",
        heldout=results.heldout(DOMAINS) or {},
        max_tokens=16,
        cache=Cache(results.folder.cache("geometry")),
        codes=measurement_codes(),
        own=[],
        threads=1,
        say=lambda line: None,
    )
    write_table(rows, GEOMETRY, results.folder.path / "geometry" / f"{run}.parquet")
    assert count(bench, results) == Measurements("geometry", planned, planned // 2, 0)
    # code that measures anew is work that was finished before
    anew = measurement_codes() | {"spectra": "b"}
    monkeypatch.setattr(measuring, "measurement_codes", lambda: anew)
    assert count(bench, results) == Measurements("geometry", planned, 0, planned // 2)


def test_evaluation_is_counted_with_its_tasks_and_variants(bench: Bench, results: Results) -> None:
    for perturbation, variants in (
        (Perturbation(), 0),
        (bench.study.perturbation, 3),  # two widths and one target
    ):
        found = evaluation_measurements(
            bench.runs,
            [],
            results,
            perturbation,
            domains=["id", "ood", "code"],
            settings=bench.study.evaluation,
        )
        assert found == Measurements("evaluation", 2 * ((3 + variants) * 3 + 1), 0, 0)


def test_what_was_set_aside_is_not_to_be_done(bench: Bench, results: Results) -> None:
    def counted() -> Measurements:
        return evaluation_measurements(
            bench.runs,
            [],
            results,
            Perturbation(),
            domains=["id", "ood", "code"],
            settings=bench.study.evaluation,
        )

    planned = counted().planned
    run, last = bench.runs[0].name, bench.runs[0].checkpoints[-1]
    (task,) = bench.study.evaluation.tasks
    refused = results.folder.quarantined("evaluation", "a")
    write_quarantined([Quarantined(run, last, "base", "does not fit", task.name)], refused)
    assert counted() == Measurements("evaluation", planned, 0, 0, 1)
    assert _of(counted()) == ("evaluation", str(planned), "0", "1", str(planned - 1), "0")
    write_quarantined([Quarantined(run, last, "base", "was changed")], refused)
    assert counted().quarantined == 3 + 1  # its domains, and the task


def test_nothing_is_done_before_there_is_text(bench: Bench, tmp_path: Path) -> None:
    assert count(bench, Results(StudyFolder(tmp_path))).done == 0
