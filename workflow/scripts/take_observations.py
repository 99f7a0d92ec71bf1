"""Check a table of external models and convert it to our columns."""

from pathlib import Path

from disentangle.job import job
from disentangle.observations.adopt import adopt
from disentangle.observations.read import read_observations
from disentangle.observations.record import absent, record
from disentangle.storage import sha256_of, write_json
from disentangle.study.specs.tables import TakeObservations
from disentangle.tables.collected import MISSING, OBSERVATIONS
from disentangle.tables.files import write_table

with job("take_observations", snakemake) as say:
    spec = TakeObservations.read(snakemake.input.spec)
    source = Path(spec.reading.file)
    table = read_observations(source)
    observations = adopt(table, spec.reading, also=tuple(spec.outcomes or ()))
    taken = record(table, observations, spec.reading)
    say(f"{len(observations)} rows; columns not taken: {', '.join(taken['not_taken']) or 'none'}")
    write_table(observations, OBSERVATIONS, Path(snakemake.output.observations))
    write_table(absent(observations), MISSING, Path(snakemake.output.missing))
    source_of = {"file": str(source), "sha256": sha256_of(source)}
    write_json(Path(snakemake.output.source), source_of | taken)
