"""Follow the loss of each token over the checkpoints of a cohort's runs."""

from pathlib import Path

from disentangle.checkpoint.cache import Cache
from disentangle.checkpoint.cohort import read_cohort
from disentangle.evaluation.follow_tokens import follow_tokens, following_code
from disentangle.job import job
from disentangle.study.results_folder import StudyFolder
from disentangle.study.specs.evaluation import FollowTokens
from disentangle.tables.evaluation import TOKEN_TRENDS
from disentangle.tables.files import write_table

with job("follow_tokens", snakemake) as say:
    spec = FollowTokens.read(snakemake.input.spec)
    folder = StudyFolder.of_spec(snakemake.input.spec)
    manifests = read_cohort(Path(snakemake.input.trained), folder.checkpoints)
    rows = [
        row
        for manifest in manifests.values()
        for row in follow_tokens(
            manifest,
            passages=Path(snakemake.input.passages),
            count=spec.passages,
            max_tokens=spec.max_tokens,
            cache=Cache(folder.cache("token_trends")),
            code_version=following_code(),
            threads=snakemake.threads,
            say=say,
        )
    ]
    write_table(rows, TOKEN_TRENDS, Path(snakemake.output[0]))
