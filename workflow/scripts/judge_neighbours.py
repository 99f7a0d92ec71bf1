"""Judge the findings of neighbouring papers."""

from pathlib import Path

from disentangle.checkpoint.references import BASE
from disentangle.claims.judge import judge
from disentangle.claims.neighbours import NEIGHBOURING_CLAIMS, ConvergenceEvidence
from disentangle.job import job
from disentangle.statistics.convergence import convergence
from disentangle.study.specs.estimates import JudgeNeighbours
from disentangle.tables.comparable import comparable_runs
from disentangle.tables.estimated import CONVERGENCE, NEIGHBOUR_TESTS, NEIGHBOURS
from disentangle.tables.files import read_tables, write_table

with job("judge_neighbours", snakemake):
    spec = JudgeNeighbours.read(snakemake.input.spec)
    tables = {
        name: read_tables([Path(path) for path in paths]) if paths else None
        for name in ("observations", "layers", "matrices", "gradients")
        for paths in [snakemake.input.get(name)]
    }
    found = convergence(
        comparable_runs(tables["observations"], BASE),
        tables["layers"],
        tables["matrices"],
        tables["gradients"],
    )
    evidence = ConvergenceEvidence(found, spec.resamples, spec.seed)
    claims, tests = judge(NEIGHBOURING_CLAIMS, evidence)
    columns = CONVERGENCE.schema.names
    write_table(found[columns], CONVERGENCE, Path(snakemake.output.convergence))
    write_table(claims, NEIGHBOURS, Path(snakemake.output.neighbours))
    write_table(tests, NEIGHBOUR_TESTS, Path(snakemake.output.neighbour_tests))
