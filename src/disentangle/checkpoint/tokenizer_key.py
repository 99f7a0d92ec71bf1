"""What makes two tokenizers the same."""

from typing import Any

from disentangle.storage import digest


def tokenizer_key(tokenizer: Any) -> str:
    """The same for tokenizers of one specification; without one, a tokenizer equals only itself."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    return digest(backend.to_str()) if backend else str(id(tokenizer))
