"""Print the expected cost of the study and its progress."""

from disentangle.job import job
from disentangle.planning.asking import Ask
from disentangle.planning.plan import plan
from disentangle.study.config import StudyConfig
from disentangle.study.folder import StudyFolder
from disentangle.study.jobs import Jobs
from disentangle.tables.collected import PLAN
from disentangle.tables.files import write_table

with job("plan", snakemake) as say:
    jobs = Jobs(StudyConfig.model_validate(snakemake.params.study))
    folder = StudyFolder.of(jobs.study.study)
    rows, text = plan(jobs, folder, [Ask(**ask) for ask in snakemake.params.asks])
    write_table(rows, PLAN, folder.table("plan"))
    say(f"\n{text}")
