"""Print the expected cost of the study and its progress."""

import sys

from disentangle.job import job
from disentangle.planning.columns import WIDTH, screen_width
from disentangle.planning.plan import plan
from disentangle.planning.request_table import JobRequest
from disentangle.study.config import StudyConfig
from disentangle.study.jobs import Jobs
from disentangle.study.results_folder import StudyFolder
from disentangle.tables.collected import PLAN
from disentangle.tables.files import write_table

with job("plan", snakemake) as say:
    jobs = Jobs(StudyConfig.model_validate(snakemake.params.study))
    folder = StudyFolder.of(jobs.study.study)
    requests = [JobRequest(**request) for request in snakemake.params.requests]
    # output goes to the log meanwhile; the terminal, if there is one, is at the input
    width = screen_width(sys.stdin.fileno()) or WIDTH
    rows, text = plan(jobs, folder, requests, width)
    write_table(rows, PLAN, folder.table("plan"))
    say(f"\n{text}")
