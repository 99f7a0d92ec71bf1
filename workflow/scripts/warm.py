"""What the study takes from the hub, into this machine's cache; with the network on."""

from pathlib import Path

from disentangle.hub import fetch
from disentangle.job import job
from disentangle.storage import read_sealed, write_sealed
from disentangle.study.specs.text import Warm

with job("warm", snakemake, online=True):
    spec = Warm.read(snakemake.input.spec)
    record = Path(snakemake.output[0])
    before = read_sealed(record)["items"] if record.exists() else []
    write_sealed(record, {"items": fetch(spec.needed, before)})
