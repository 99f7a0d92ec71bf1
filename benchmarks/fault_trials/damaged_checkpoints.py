"""Random damage to the files of a finished study's checkpoints."""

import random
from collections.abc import Iterator
from contextlib import chdir
from pathlib import Path

from disentangle.audit.audit import audit
from disentangle.checkpoint.guard import load_checkpoint
from disentangle.errors import StudyError
from fault_trials.damage import WAYS
from fault_trials.trial import Trial
from fault_trials.workbench import copied, finished

USED = ("model.safetensors", "config.json", "manifest.json", "tokenizer.json")
USED += ("tokenizer_config.json",)


def trials(count: int, chance: random.Random, folder: Path) -> Iterator[Trial]:
    """Damage one file, load its checkpoint as a job does, audit the study, and put it right."""
    study = copied(finished(folder / "finished"), folder / "checkpoints")
    files = sorted(
        path
        for path in (study / "results" / "tiny").rglob("step*/*")
        if path.is_file() and "trainer" not in path.parts
    )
    while count > 0:
        path = chance.choice(files)
        way = chance.choice(sorted(WAYS))
        content = path.read_bytes()
        changed = WAYS[way](content, chance)
        if changed == content:
            continue
        count -= 1
        path.write_bytes(changed)
        try:
            yield _judged(path, f"{way} {path.relative_to(study)}", study)
        finally:
            path.write_bytes(content)


def _judged(path: Path, fault: str, study: Path) -> Trial:
    with chdir(study):
        results = Path("results/tiny")
        found = {one.path for one in audit(results).faults}
        noticed = path.relative_to(study) in found
        try:
            load_checkpoint(path.parent.relative_to(study), "cpu")
        except StudyError as error:
            return Trial(fault, noticed, "refused", str(error))
        except Exception as error:
            return Trial(fault, noticed, "lost", repr(error))
    if path.name not in USED:
        return Trial(fault, noticed, "harmless")
    # a manifest may be changed in its white space
    return Trial(fault, noticed, "harmless" if noticed or path.suffix == ".json" else "lost")
