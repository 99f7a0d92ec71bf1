"""OLMo's Trainer, adapted to CPU and GPU, with a callback after every step."""

import math
import random
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
import torch.distributed as dist
from olmo.torch_util import get_world_size
from olmo.train import Trainer

from disentangle.interventions.push import Push, Pushed
from disentangle.training.decays import Decays
from disentangle.training.log import StepRecord
from disentangle.training.model import head_weight


class DivergedError(Exception):
    """The loss stopped being a finite number."""

    def __init__(self, last_finite_step: int) -> None:
        super().__init__(f"the loss was last finite at step {last_finite_step}")
        self.last_finite_step = last_finite_step


class InterruptedRunError(Exception):
    """The run was stopped, and its state is saved."""


@dataclass
class SuiteTrainer(Trainer):
    """The stock trainer with seven differences.

    Its saved state is plain tensors and numbers, so that `torch.load(weights_only=True)` can read
    it and a machine without CUDA can write it. It calls `after_step` after each step. A loss that
    is not finite raises `DivergedError`. The model itself computes the loss (`LossModel`). Weight
    decay can differ between matrices and change late in the run (`decays`). After the optimizer's
    step W can be pushed (`push`). Nothing is logged to the console.

    Data-parallel wrapping (DDP) is used even for one process: without it OLMo's checkpointer
    writes no weights.
    """

    after_step: Callable[["SuiteTrainer", StepRecord], None] = field(
        default=lambda trainer, record: None
    )
    decays: Decays | None = None
    """Weight decay by matrix and step; None for the configuration's."""
    push: Push | None = None
    """What is done to W after each step; None for nothing."""

    def trainer_state_dict(self) -> dict[str, Any]:
        """Position in the data and state of every random generator, as plain types."""
        numpy_state: Any = np.random.get_state()
        name, keys, position, has_gauss, gauss = numpy_state
        version, internal, gauss_next = random.getstate()
        rng: dict[str, Any] = {
            "python": [version, list(internal), gauss_next],
            "numpy": [name, keys.tolist(), int(position), int(has_gauss), float(gauss)],
            "torch": torch.random.get_rng_state(),
        }
        if self.device.type == "cuda":
            rng["cuda"] = torch.cuda.get_rng_state()
        return {
            "epoch": self.epoch or 0,
            "global_step": self.global_step,
            "global_train_examples_seen_this_epoch": self.global_train_examples_seen_this_epoch,
            "global_train_tokens_seen": self.global_train_tokens_seen,
            "world_size": get_world_size(),
            "rng": rng,
        }

    def load_trainer_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Restore what `trainer_state_dict` returned; our caller keeps the list of saved states."""
        super().load_trainer_state_dict(
            state_dict
            | {"checkpoints": [], "unsharded_checkpoints": [], "ephemeral_checkpoints": []}
        )

    def restore_rng_state(self, rng_state: dict[str, Any]) -> None:
        """Inverse of the generators' part of `trainer_state_dict`."""
        version, internal, gauss_next = rng_state["python"]
        random.setstate((version, tuple(internal), gauss_next))
        name, keys, *rest = rng_state["numpy"]
        np.random.set_state((name, np.array(keys, dtype=np.uint32), *rest))
        torch.set_rng_state(rng_state["torch"].cpu())
        if self.device.type == "cuda" and "cuda" in rng_state:
            torch.cuda.set_rng_state(rng_state["cuda"].cpu())

    def model_forward(
        self, batch: dict[str, Any], loss_reduction: str = "mean", compute_z_loss: bool = False
    ) -> tuple[torch.Tensor, None, Any]:
        """Sum of the cross-entropies of a micro-batch; there are no logits and no z-loss."""
        assert loss_reduction == "sum" and not compute_z_loss
        return self.dist_model(batch["input_ids"], labels=self.get_labels(batch)), None, None

    def log_metrics_to_console(self, prefix: str, metrics: dict[str, float]) -> None:
        """Do nothing: `after_step` records every step."""

    def train_step(self, batch: dict[str, Any], reduce_global_loss: bool = True) -> dict[str, Any]:
        """One optimizer step.

        Raises:
            DivergedError: if the loss is NaN or infinite. The step's update has then been applied,
                so the weights in memory are lost, but not those saved before.
        """
        start = time.perf_counter()
        if self.decays is not None:  # in each step: the stock trainer resets them when it resumes
            self.decays.apply(self.optim, self.global_step)
        try:
            metrics = super().train_step(batch, reduce_global_loss)
        except (ValueError, OverflowError) as error:
            # the trainer's own check for NaN, and overflow of its exp(loss) above about 710
            if isinstance(error, OverflowError) or "nan loss" in str(error):
                raise DivergedError(self.global_step - 1) from error
            raise
        if not math.isfinite(self.cur_train_loss):
            raise DivergedError(self.global_step - 1)
        pushed = self._pushed()
        self.after_step(
            self,
            StepRecord(
                step=self.global_step,
                tokens=self.global_train_tokens_seen,
                loss=self.cur_train_loss,
                learning_rate=self.optim.param_groups[0]["lr"],
                gradient_norm=float(metrics["optim/total_grad_norm"]),
                seconds=time.perf_counter() - start,
                head_rank=pushed.effective_rank if pushed else None,
                head_norm=pushed.norm if pushed else None,
                push=pushed.size if pushed else None,
            ),
        )
        return metrics

    def _pushed(self) -> Pushed | None:
        """Push W, alike in all processes."""
        if self.push is None:
            return None
        W = head_weight(self.model)
        pushed = self.push.after_step(W.data, self.global_step)
        if pushed and get_world_size() > 1 and W.requires_grad and W.is_leaf:
            dist.broadcast(W.data, 0)  # other kinds of machines round otherwise
        return pushed
