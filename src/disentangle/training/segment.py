"""The segment of a run to be trained, as passed to every process."""

from dataclasses import asdict, dataclass
from pathlib import Path

from disentangle.storage import read_json, write_json
from disentangle.study.run import Run


def _spelled(path: Path | None) -> str | None:
    return str(path) if path else None


@dataclass(frozen=True)
class Segment:
    """What to train, and how; the same for all processes."""

    run: Run
    folder: Path
    """The run's folder, which the caller has locked."""
    tokens: tuple[Path, ...]
    """Memmaps, in the order of their sequence numbers."""
    late_tokens: Path | None
    """The memmap that is read after the run's late change, if it changes the text."""
    end_of_text: int
    tokenizer: Path
    missing: frozenset[int]
    """Steps whose checkpoints are missing."""
    resume_from: int | None
    """The step of the saved state to start from; None to start from the beginning."""
    initial: Path | None
    """The checkpoint folder with the initial weights; None for random initialisation."""
    source: str
    """The source named in the checkpoints' manifests."""
    branches: tuple[tuple[int, tuple[Path, ...]], ...]
    """Steps at which other runs take over the state, with their folders."""
    strategy: str
    keep_states: bool
    threads: int
    """CPU threads of each process."""
    micro_batch: int
    save_minutes: float
    stop_time: float | None
    """When to save and stop, seconds since the epoch, if the job's time is limited."""
    code_version: str

    @property
    def stopped(self) -> Path:
        """File in which one of several processes writes the signal that stopped them."""
        return self.folder / "stopped.json"

    def write(self, path: Path) -> None:
        """Write as JSON."""
        write_json(
            path,
            asdict(self)
            | {name: str(getattr(self, name)) for name in ("folder", "tokenizer")}
            | {"tokens": [str(path) for path in self.tokens]}
            | {name: _spelled(getattr(self, name)) for name in ("initial", "late_tokens")}
            | {"branches": [[step, list(map(str, paths))] for step, paths in self.branches]}
            | {"run": self.run.to_json(), "missing": sorted(self.missing)},
        )

    @classmethod
    def read(cls, path: Path) -> "Segment":
        """Inverse of `write`."""
        data = read_json(path)
        paths = {name: Path(data[name]) for name in ("folder", "tokenizer")}
        tokens = tuple(map(Path, data["tokens"]))
        run, missing = Run.from_json(data["run"]), frozenset(data["missing"])
        branches = tuple((step, tuple(map(Path, paths))) for step, paths in data["branches"])
        changed = {"tokens": tokens, "run": run, "missing": missing, "branches": branches}
        changed |= {n: Path(data[n]) if data[n] else None for n in ("initial", "late_tokens")}
        return cls(**data | paths | changed)
