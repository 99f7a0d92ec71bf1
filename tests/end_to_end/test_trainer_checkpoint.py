"""States that training kept come in again as a model from elsewhere, and are what was exported."""

import shutil
import subprocess
from pathlib import Path

import pandas as pd
import yaml
from tiny_study import BIN, command

from disentangle.checkpoint.manifest import read_run


def run(folder: Path, *arguments: str) -> str:
    done = subprocess.run(command(*arguments), cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


def test_a_kept_state_is_measured_as_its_own_export(study: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(study, tmp_path / "kept", symlinks=True))
    results = folder / "results" / "tiny"
    (own,) = results.glob("checkpoints/2K_*")
    before = read_run(own / "manifest.json").checkpoints
    shutil.rmtree(own)  # trained again, to the same weights, and its states kept
    config = yaml.safe_load((folder / "tiny.yaml").read_text())
    config["save"]["trainer_state"] = True
    (folder / "tiny.yaml").write_text(yaml.safe_dump(config))
    run(folder, "--", "results/tiny/trained/2K_part1.json")

    source = f"results/tiny/checkpoints/{own.name}/trainer"
    subprocess.run(
        [BIN / "python", "-m", "disentangle.study.register", source, "again", "tiny.yaml"],
        cwd=folder,
        check=True,
    )
    config = yaml.safe_load((folder / "tiny.yaml").read_text())
    assert list(config["checkpoints"]["again"]["revisions"]) == sorted(before)
    config["checkpoints"]["again"]["tokenizer"] = "results/tiny/tokenizer"
    (folder / "tiny.yaml").write_text(yaml.safe_dump(config))
    shown = run(folder, "--", "results/tiny/geometry/again.parquet")
    assert "set aside" not in shown

    again = read_run(results / "checkpoints" / "again" / "manifest.json")
    assert again.checkpoints == before
    ours, theirs = (
        pd.read_parquet(results / "geometry" / f"{name}.parquet") for name in ("2K_part1", "again")
    )
    measured = [column for column in ours if column not in ("run", "tokens")]
    pd.testing.assert_frame_equal(ours[measured], theirs[measured], check_exact=True)
    assert len(theirs) == 8 * len(before)
