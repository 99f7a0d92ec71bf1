"""Weight decay by matrix and by step, where a run has more than one."""

from dataclasses import dataclass

from torch.optim import Optimizer

from disentangle.study.run import Run

HEAD = "transformer.ff_out.weight"
"""The end of the name of the untied head's matrix in OLMo's model, whatever wraps it."""

EMBEDDING = "transformer.wte.weight"
"""The same of the embedding."""


@dataclass(frozen=True)
class Decays:
    """A run's weight decays before and after its late change."""

    blocks: float
    """Of the blocks, and of the embedding if it decays."""
    head: float
    """Of the untied head."""
    late_blocks: float
    late_head: float
    late_step: int
    """The last step before the change."""
    embedding: bool
    """Whether the embedding decays."""

    @classmethod
    def of(cls, run: Run) -> "Decays":
        """The decays of a run; without a late change, the late ones are the earlier ones."""
        h, late = run.hyperparameters, run.hyperparameters.late
        multiple = 1.0 if h.head_decay is None else h.head_decay
        late_blocks, late_multiple = h.weight_decay, multiple
        if late and late.weight_decay is not None:
            late_blocks = late.weight_decay
        if late and late.head_decay is not None:
            late_multiple = late.head_decay
        return cls(
            blocks=h.weight_decay,
            head=multiple * h.weight_decay,
            late_blocks=late_blocks,
            late_head=late_multiple * late_blocks,
            late_step=run.late_step,
            embedding=run.optimizer.decay_embeddings,
        )

    @property
    def apart(self) -> bool:
        """Whether the head needs a group of its own in the optimizer."""
        return (self.blocks, self.late_blocks) != (self.head, self.late_head)

    def apply(self, optimizer: Optimizer, step: int) -> None:
        """Give every group of an optimizer its decay for a step, counted from 1."""
        late = step > self.late_step
        blocks, head = (self.late_blocks, self.late_head) if late else (self.blocks, self.head)
        for group in optimizer.param_groups:
            names = group["param_names"]
            if self.apart and all(name.endswith(HEAD) for name in names):
                group["weight_decay"] = head
            elif self.embedding or not all(name.endswith(EMBEDDING) for name in names):
                group["weight_decay"] = blocks


def set_head_apart(optimizer: Optimizer) -> None:
    """Move the head's matrix to a group of its own.

    Raises:
        ValueError: if the model has no head of its own.
    """
    for group in list(optimizer.param_groups):
        for i, name in enumerate(group["param_names"]):
            if name.endswith(HEAD):
                own = {key: value for key, value in group.items() if key != "params"}
                own |= {"params": [group["params"].pop(i)], "param_names": [name]}
                group["param_names"] = [n for n in group["param_names"] if n != name]
                optimizer.add_param_group(own)
                return
    raise ValueError("the model has no head of its own")
