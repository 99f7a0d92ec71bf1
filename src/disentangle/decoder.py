"""Find the layers of a causal language model of any architecture."""

from torch import nn
from transformers import PreTrainedModel

from disentangle.errors import StudyError


def decoder_layers(model: PreTrainedModel) -> nn.ModuleList:
    """The model's blocks in order: the outermost list of as many modules as it has layers.

    Raises:
        StudyError: if there is none.
    """
    count = model.config.num_hidden_layers
    for module in model.base_model.modules():  # outer before inner
        if isinstance(module, nn.ModuleList) and len(module) == count:
            return module
    raise StudyError(
        f"{type(model).__name__} has no list of its {count} layers, so it cannot be split by layer"
    )
