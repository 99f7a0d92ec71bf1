"""What the study takes from the hub, into this machine's cache; with the network on."""

from pathlib import Path

from disentangle.hub import HubItem, fetch
from disentangle.job import job
from disentangle.storage import read_json, write_json

with job("warm", snakemake, online=True):
    needed = [HubItem(**item) for item in snakemake.params.needed]
    record = Path(snakemake.output[0])
    before = read_json(record)["items"] if record.exists() else []
    write_json(record, {"items": fetch(needed, before)})
