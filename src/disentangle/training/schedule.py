"""The learning rate over a run: OLMo's cosine, or a constant rate that falls at the end."""

from dataclasses import dataclass

from olmo.config import TrainConfig
from olmo.optim import Scheduler, build_scheduler

from disentangle.study.run import Run


@dataclass
class ConstantThenLinear(Scheduler):
    """Warm-up, a constant rate, and a linear fall to a share of the peak.

    OLMo has no such schedule. Until the fall it does not depend on the length of the run.
    """

    warmup_steps: int
    cooling_step: int
    """The last step at the full rate."""
    alpha_f: float
    """The rate at the end, as a share of the peak."""

    def get_lr(self, initial_lr: float, step: int, max_steps: int) -> float:
        """The learning rate of a step, counted from 1."""
        if step < self.warmup_steps:
            return self._linear_warmup(initial_lr, step, self.warmup_steps)
        fallen = max(0, step - self.cooling_step) / (max_steps - self.cooling_step)
        return initial_lr * (1 - (1 - self.alpha_f) * min(1.0, fallen))


def schedule_of(run: Run, config: TrainConfig) -> Scheduler:
    """The schedule of a run: the configuration's, unless the run has a cooldown."""
    if run.hyperparameters.cooldown is None:
        return build_scheduler(config)
    return ConstantThenLinear(
        grad_clip_warmup_steps=None,
        grad_clip_warmup_factor=None,
        warmup_min_lr=config.scheduler.warmup_min_lr,
        warmup_steps=run.warmup_steps,
        cooling_step=run.cooling_step,
        alpha_f=run.hyperparameters.final_lr,
    )
