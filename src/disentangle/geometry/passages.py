"""Passages as token ids, encoded once per process for all checkpoints that share a tokenizer."""

from functools import cache

from transformers import PreTrainedTokenizerBase

from disentangle.checkpoint.tokenizer_key import tokenizer_key


class _Spelled:
    """A tokenizer that equals every other one with the same specification."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase) -> None:
        self.tokenizer = tokenizer
        self._key = tokenizer_key(tokenizer)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Spelled) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


def encode(
    tokenizer: PreTrainedTokenizerBase, texts: list[str], max_tokens: int
) -> tuple[tuple[int, ...], ...]:
    """Encode passages up to `max_tokens` tokens each; those without a token are left out.

    Encoding takes as long as a small model's forward pass, and all checkpoints share the result.
    """
    return _encode(_Spelled(tokenizer), tuple(texts), max_tokens)


@cache
def _encode(
    spelled: _Spelled, texts: tuple[str, ...], max_tokens: int
) -> tuple[tuple[int, ...], ...]:
    encoded = spelled.tokenizer(list(texts), truncation=True, max_length=max_tokens)["input_ids"]
    return tuple(tuple(ids) for ids in encoded if ids)
