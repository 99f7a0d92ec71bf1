"""What the study takes from the hub, into this machine's cache; with the network on."""

from pathlib import Path

from disentangle.hub import HubItem, fetch
from disentangle.job import job
from disentangle.storage import read_sealed, write_sealed

with job("warm", snakemake, online=True):
    needed = [HubItem(**item) for item in snakemake.params.needed]
    record = Path(snakemake.output[0])
    before = read_sealed(record)["items"] if record.exists() else []
    write_sealed(record, {"items": fetch(needed, before)})
