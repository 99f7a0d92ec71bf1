"""Download the study's files from the hub to this machine's cache; needs the network."""

from pathlib import Path

from disentangle.hub import fetch
from disentangle.hub_price import price
from disentangle.job import job
from disentangle.storage import read_sealed, write_sealed
from disentangle.study.specs.text import Warm

with job("warm", snakemake, online=True) as say:
    spec = Warm.read(snakemake.input.spec)
    record = Path(snakemake.output[0])
    before = read_sealed(record)["items"] if record.exists() else []
    if cost := price(spec.needed, before):
        say(str(cost))
    write_sealed(record, {"items": fetch(spec.needed, before)})
