"""Look for the findings of neighbouring papers, and judge them."""

from pathlib import Path

from disentangle.claims.judge import judge
from disentangle.claims.neighbours import NEIGHBOURING_CLAIMS
from disentangle.claims.neighbours.evidence import Findings
from disentangle.job import job
from disentangle.neighbours import ANALYSES
from disentangle.neighbours.suite import Suite
from disentangle.study.specs.estimates import JudgeNeighbours
from disentangle.tables.files import read_tables, write_table
from disentangle.tables.neighbours import BY_NAME, NEIGHBOUR_TESTS, NEIGHBOURS

with job("judge_neighbours", snakemake):
    spec = JudgeNeighbours.read(snakemake.input.spec)
    read = {
        name: read_tables([Path(path) for path in paths])
        for name in (
            *("observations", "passages", "saturation"),
            *("layers", "matrices", "gradients", "compression"),
        )
        if (paths := snakemake.input.get(name))
    }
    if snakemake.input.followed:
        read["token_trends"] = read_tables([Path(path) for path in snakemake.input.followed])
    suite = Suite(
        **read,
        targets=spec.targets,
        rates=spec.rates,
        resamples=spec.resamples,
        seed=spec.seed,
    )
    tables = {}
    for finding in spec.findings:
        tables |= ANALYSES[finding](suite)
    found = Findings(tables, spec.resamples, spec.seed)
    ledger = [claim for finding in spec.findings for claim in NEIGHBOURING_CLAIMS[finding]]
    claims, tests = judge(ledger, found)
    for name, rows in tables.items():
        table = BY_NAME[name]
        write_table(rows[table.schema.names], table, Path(snakemake.output[name]))
    write_table(claims, NEIGHBOURS, Path(snakemake.output.neighbours))
    write_table(tests, NEIGHBOUR_TESTS, Path(snakemake.output.neighbour_tests))
