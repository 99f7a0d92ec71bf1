"""A model of somebody else's with a tokenizer of its own, as small as they can be."""

from pathlib import Path
from typing import Any

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from transformers import AutoModelForCausalLM, GPTNeoXConfig, PreTrainedTokenizerFast

WORDS = tuple("abcdefghijklmnopqrst")

PASSAGES = [
    " ".join(WORDS[(i * k + i // 3) % len(WORDS)] for k in range(1, 6 + i % 9))
    for i in range(1, 31)
]
"""Of 5 to 13 tokens."""


def pythia(**changes: Any) -> GPTNeoXConfig:
    """A configuration with more rows than its vocabulary uses."""
    shape = {"hidden_size": 12, "num_hidden_layers": 2, "num_attention_heads": 2}
    given = {"vocab_size": 32, "intermediate_size": 24, "max_position_embeddings": 64}
    return GPTNeoXConfig(**shape | given | changes)


def save_model(folder: Path, config: Any, **how: Any) -> Any:
    """Save a random model whose norms have gains, with a tokenizer of 21 words; gives the model."""
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config).eval()
    for name, weight in model.named_parameters():
        if "norm" in name:
            weight.data += 0.3 * torch.randn_like(weight)
    model.save_pretrained(folder, **how)
    tokenizer = Tokenizer(models.WordLevel({w: i for i, w in enumerate(["?", *WORDS])}, "?"))
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="?").save_pretrained(folder)
    return model
