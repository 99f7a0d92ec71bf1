"""The residual stream of a model, layer by layer, at the last token of each passage."""

from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from disentangle.decoder import decoder_layers
from disentangle.geometry.representations import at_last_tokens


def layer_representations(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: list[str],
    max_tokens: int,
) -> list[torch.Tensor]:
    """The input of the first block (the embedding) and the output of each block.

    Unlike the last of transformers' `hidden_states`, the last one here is not normalised: it is
    the residual stream before the final norm.

    Args:
        model: a causal language model.
        tokenizer: the model's own.
        texts: passages; those without a token are left out.
        max_tokens: a passage is read up to this many tokens.

    Returns:
        One tensor more than the model has blocks, each of shape (passages, dim), float32 on the
        CPU, in the order of `texts`.

    Raises:
        StudyError: if the model does not keep its blocks in a list.
    """
    layers = decoder_layers(model)
    stream: list[torch.Tensor] = []

    def enter(_: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        stream[:] = [args[0] if args else kwargs["hidden_states"]]

    def leave(_: object, args: object, output: Any) -> None:
        stream.append(output[0] if isinstance(output, tuple) else output)

    hooks = [layers[0].register_forward_pre_hook(enter, with_kwargs=True)]
    hooks += [layer.register_forward_hook(leave) for layer in layers]
    try:
        return at_last_tokens(
            model, tokenizer, texts, max_tokens, len(layers) + 1, lambda _: stream
        )
    finally:
        for hook in hooks:
            hook.remove()
