"""What each layer of a model computes at the last token of each passage."""

from typing import Any

import torch
from transformers import PreTrainedModel, PreTrainedTokenizerBase

from disentangle.decoder import decoder_layers
from disentangle.geometry.families import FAMILIES
from disentangle.geometry.representations import at_last_tokens

STREAM, ATTENTION, MLP = "stream", "attention", "mlp"
"""The residual stream; and what a block's attention and its MLP add to it."""

Place = tuple[int, str]
"""A layer and one of `STREAM`, `ATTENTION`, `MLP`. Layer 0 is the input of the first block, layer i
is block i."""


def layer_representations(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    texts: list[str],
    max_tokens: int,
) -> dict[Place, torch.Tensor]:
    """The input of the first block (the embedding), and what each block computes.

    Of each block: the output of attention's last matrix, of the MLP's last matrix, and of the block
    itself. Where these matrices are is known by `families`; of other architectures only the stream
    is read. Unlike the last of transformers' `hidden_states`, the last stream here is not
    normalised: it is the residual stream before the final norm.

    Args:
        model: a causal language model.
        tokenizer: the model's own.
        texts: passages; those without a token are left out.
        max_tokens: a passage is read up to this many tokens.

    Returns:
        Each of shape (passages, dim), float32 on the CPU, in the order of `texts`.

    Raises:
        StudyError: if the model does not keep its blocks in a list.
    """
    layers = decoder_layers(model)
    states: dict[Place, torch.Tensor] = {}

    def enter(_: object, args: tuple[Any, ...], kwargs: dict[str, Any]) -> None:
        states[0, STREAM] = args[0] if args else kwargs["hidden_states"]

    def keep(place: Place) -> Any:
        def leave(_: object, args: object, output: Any) -> None:
            found = output[0] if isinstance(output, tuple) else output
            # OPT's MLP sees all tokens of a batch in one row
            states[place] = found.reshape(*states[0, STREAM].shape[:2], -1)

        return leave

    places: list[Place] = [(0, STREAM)]
    hooks = [layers[0].register_forward_pre_hook(enter, with_kwargs=True)]
    family = FAMILIES.get(model.config.model_type)
    for number, layer in enumerate(layers, start=1):
        modules = {STREAM: layer}
        if family is not None:
            own = {ATTENTION: family.o, MLP: family.down}
            modules |= {part: layer.get_submodule(name) for part, name in own.items()}
        for part, module in modules.items():
            places.append((number, part))
            hooks.append(module.register_forward_hook(keep((number, part))))
    try:
        found = at_last_tokens(
            model,
            tokenizer,
            texts,
            max_tokens,
            len(places),
            lambda _: [states[place] for place in places],
        )
    finally:
        for hook in hooks:
            hook.remove()
    return dict(zip(places, found, strict=True))
