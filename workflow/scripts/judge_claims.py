"""The paper's findings, each held against the study's tables by the rules of the ledger."""

from pathlib import Path

from disentangle.claims.evidence import Evidence
from disentangle.claims.examples import counterexamples
from disentangle.claims.judge import judge
from disentangle.claims.ledger import ID, RANK
from disentangle.job import job
from disentangle.study.specs.estimates import JudgeClaims
from disentangle.tables.estimated import CLAIM_TESTS, CLAIMS, COUNTEREXAMPLES
from disentangle.tables.files import read_tables, write_table

with job("judge_claims", snakemake):
    spec = JudgeClaims.read(snakemake.input.spec)
    evidence = Evidence(
        observations=read_tables([Path(snakemake.input.observations)]),
        associations=read_tables([Path(snakemake.input.associations)]),
        saturation=read_tables([Path(snakemake.input.saturation)]),
        targets=spec.targets,
        resamples=spec.settings.resamples,
        seed=spec.settings.seed,
    )
    claims, tests = judge(evidence)
    found = counterexamples(evidence, [ID, *evidence.other_losses], RANK)
    write_table(claims, CLAIMS, Path(snakemake.output.claims))
    write_table(tests, CLAIM_TESTS, Path(snakemake.output.claim_tests))
    write_table(found, COUNTEREXAMPLES, Path(snakemake.output.counterexamples))
