"""Read again the batches that a run was trained on."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import torch

from disentangle.study.run import Run
from disentangle.training.batches import LateText, batches_of
from disentangle.training.olmo_config import train_config


def batches_of_steps(
    run: Run, tokens: Sequence[Path], late_tokens: Path | None, steps: Iterable[int]
) -> Iterator[torch.Tensor]:
    """The tokens that a run's trainer read at some of its steps, in its own order.

    Args:
        run: the run.
        tokens: memmaps of the training tokens.
        late_tokens: memmap of the text of the run's late change, if that changes the text.
        steps: from 1.

    Yields:
        Whole batches: sequences x length, int64.
    """
    config = train_config(
        run,
        tokens,
        Path("none"),  # nothing is saved
        end_of_text=0,
        device="cpu",
        world_size=1,
        micro_batch=run.hyperparameters.batch_size,
        strategy="ddp",
    )
    late = LateText(late_tokens, run.late_step, run.steps) if late_tokens else None
    batches = batches_of(run, config, late)
    for step in steps:
        yield batches.of_step(step)
