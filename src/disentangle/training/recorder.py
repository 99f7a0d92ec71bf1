"""The work between two optimizer steps: log, progress, checkpoints and saved state."""

import signal
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import compress
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
from olmo.config import CheckpointType

from disentangle.checkpoint.export import write_checkpoint
from disentangle.checkpoint.manifest import CheckpointManifest, step_folder
from disentangle.checkpoint.probe import PROBE_LENGTH, probe_loss
from disentangle.cluster import STOP_SIGNALS
from disentangle.job import Say, Throttle
from disentangle.study.run import Run
from disentangle.training.factored_head import with_whole_head
from disentangle.training.log import StepRecord, TrainingLog, read_log
from disentangle.training.process_group import whole_weights
from disentangle.training.run_folder import RunFolder
from disentangle.training.trainer import InterruptedRunError, SuiteTrainer


@dataclass
class Recorder:
    """Follows one training process; the trainer calls `after_step`."""

    run: Run
    folder: RunFolder
    tokenizer: Path
    missing: set[int]
    """Steps still to be exported; the recorder removes those it has exported."""
    keep_states: bool
    save_seconds: float
    stop_time: float | None
    """When to stop without a signal, seconds since the epoch."""
    code_version: str
    say: Say
    saved_step: int | None
    """The step of the last saved state; at the start, the restored step."""
    source: str
    """The source named in the checkpoints' manifests."""
    branches: Mapping[int, Sequence[RunFolder]] = field(default_factory=dict)
    """Runs that begin as this one does, by the step at which they take over its state."""
    heard: set[signal.Signals] = field(default_factory=set)
    """Filled by a signal handler: the run saves after its step and raises `InterruptedRunError`."""
    stopped_by: signal.Signals | None = None
    """The signal that stopped the run, if any; any process may have received it."""
    _progress: Throttle = field(default_factory=lambda: Throttle(5))
    _started: float = field(default_factory=time.monotonic)
    _last_save: float = field(default_factory=time.monotonic)
    _steps_done: int = 0
    _log: TrainingLog | None = None

    def begin(self, trainer: SuiteTrainer) -> None:
        """Open the log at the trainer's step, and export that step if it is missing."""
        step = trainer.global_step
        loss = None
        if dist.get_rank() == 0:
            self._log = TrainingLog(self.folder.log, resume_step=step)
            logged = read_log(self.folder.log, self.run.name)
            loss = next(map(float, logged.loc[logged["step"] == step, "loss"]), None)
        if step == self.saved_step:  # if this was killed before its branches had the state
            self._hand_over(step)
        if step in self.missing:
            if self.keep_states:
                self._save_state(trainer)
            self._checkpoint(trainer, loss)

    def after_step(self, trainer: SuiteTrainer, record: StepRecord) -> None:
        """Log a step; if due, export it, save the state, or stop.

        Raises:
            InterruptedRunError: after saving, if a stop was requested.
        """
        if self._log is not None:
            self._log.append(record)
        self._steps_done += 1
        if self._progress.ready():
            self._report(record)
        out_of_time = self.stop_time is not None and time.time() > self.stop_time
        save_due = time.monotonic() - self._last_save > self.save_seconds
        heard = [signum in self.heard for signum in STOP_SIGNALS]
        out_of_time, save_due, *heard = _agreed(trainer.device, out_of_time, save_due, *heard)
        stop = out_of_time or any(heard)
        planned = record.step in self.missing
        # before the export, so that a kill during it loses no training
        if stop or save_due or record.step in self.branches or (planned and self.keep_states):
            self._save_state(trainer)
        if planned:
            self._checkpoint(trainer, record.loss)
        if stop and self.missing:
            self.stopped_by = next(compress(STOP_SIGNALS, heard), None)
            raise InterruptedRunError(
                f"stopped; state saved at step {record.step} of {self.run.steps}"
            )

    def _report(self, record: StepRecord) -> None:
        elapsed = time.monotonic() - self._started
        speed = self._steps_done * self.run.tokens_per_step / elapsed
        steps_left = max(self.missing, default=record.step) - record.step
        minutes, seconds = divmod(round(steps_left * elapsed / self._steps_done), 60)
        self.say(
            f"step {record.step}/{self.run.steps}, loss {record.loss:.2f}, "
            f"{speed:,.0f} tokens/s, {minutes}:{seconds:02} left"
        )

    def _save_state(self, trainer: SuiteTrainer) -> None:
        step = trainer.global_step
        if step != self.saved_step:
            trainer.save_checkpoint(CheckpointType.unsharded)
        self.saved_step, self._last_save = step, time.monotonic()
        self._hand_over(step)
        kept = set(self.run.checkpoints) if self.keep_states else set()
        if dist.get_rank() == 0:
            self.folder.drop_states(keep=kept | {step})

    def _hand_over(self, step: int) -> None:
        if dist.get_rank() == 0:
            for branch in self.branches.get(step, ()):
                self.folder.hand_over(step, branch)

    def _checkpoint(self, trainer: SuiteTrainer, loss: float | None) -> None:
        step, model = trainer.global_step, trainer.cfg.model
        text: Any = trainer.dataset
        probe = text.sequence(0)[:PROBE_LENGTH]
        # on all processes, since each has a part of a sharded model
        trainer.dist_model.eval()
        loss_on_probe = probe_loss(trainer.dist_model, probe.to(trainer.device))
        trainer.dist_model.train()
        weights = with_whole_head(whole_weights(trainer.dist_model))
        if dist.get_rank() == 0:
            write_checkpoint(
                step_folder(self.folder.path, step),
                weights,
                model,
                self.tokenizer,
                CheckpointManifest(
                    run=self.run.name,
                    step=step,
                    tokens=trainer.global_train_tokens_seen,
                    weights_sha256="",
                    rows=self.run.vocabulary,
                    dim=model.d_model,
                    tied=model.weight_tying,
                    dtype="float32",
                    train_loss=loss,
                    source=self.source,
                    code_version=self.code_version,
                    probe_tokens=probe.tolist(),
                    probe_loss=loss_on_probe,
                ),
            )
        self.missing.discard(step)


def _agreed(device: torch.device, *flags: bool) -> list[bool]:
    """Each flag, true if any process set it, so that all act alike after the same step."""
    if dist.get_world_size() == 1:
        return list(flags)
    said = torch.tensor(flags, dtype=torch.int32, device=device)
    dist.all_reduce(said, dist.ReduceOp.MAX)
    return [bool(flag) for flag in said.tolist()]
