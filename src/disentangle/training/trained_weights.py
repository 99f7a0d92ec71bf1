"""Training of some of a model's weights, while the others stay as they are."""

from torch import nn

from disentangle.errors import StudyError
from disentangle.training.decays import HEAD

__all__ = ["train_head_alone"]


def train_head_alone(model: nn.Module) -> None:
    """Let only the untied head have gradients.

    OLMo's optimizer takes only weights that have, so nothing else moves, decays or is saved in the
    optimizer's state.

    Raises:
        StudyError: if the model has no head of its own.
    """
    trained = False
    for name, weight in model.named_parameters():
        weight.requires_grad_(name.endswith(HEAD))
        trained |= name.endswith(HEAD)
    if not trained:
        raise StudyError(
            "the head alone is to be trained, but it is the embedding too (tied), which the blocks "
            "read; train all weights"
        )
