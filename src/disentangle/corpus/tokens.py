"""Token memmaps as OLMo's trainer reads them: raw uint16, documents concatenated."""

from collections.abc import Sequence
from pathlib import Path
from typing import BinaryIO

import numpy as np
from tokenizers import Encoding

from disentangle.corpus.sources import describe_source
from disentangle.corpus.tokenizer import end_of_text_id, load_tokenizer
from disentangle.parquet import read_parquet
from disentangle.storage import replacing, sha256_of, write_json

SHUFFLE_SEED = 20260222
"""Order of documents in the memmap; fixed, since a run's own seed shuffles its sequences."""


def append_documents(file: BinaryIO, encodings: Sequence[Encoding], end_of_text: int) -> list[int]:
    """Append tokenised documents to a memmap, with an end-of-text token after each.

    Returns:
        The number of tokens written for each document.
    """
    lengths = []
    for encoding in encodings:
        ids = np.array([*encoding.ids, end_of_text], dtype="<u2")
        ids.tofile(file)
        lengths.append(len(ids))
    return lengths


def write_tokens(
    documents: Path, tokenizer_folder: Path, limit: int | None, tokens: Path, manifest: Path
) -> None:
    """Tokenise training documents in a shuffled order, with an end-of-text token after each.

    The shuffle mixes the sources, so that a sequence is not from one source only, and the last,
    incomplete sequence of the file is not always from the same source.

    Args:
        documents: parquet with columns source and text.
        tokenizer_folder: the folder that `save_tokenizer` wrote.
        limit: stop after the batch of documents that reaches this many tokens; None for no limit.
        tokens: the memmap to write, raw little-endian uint16 without a header.
        manifest: JSON with counts per source and the SHA-256 of the memmap.
    """
    tokenizer = load_tokenizer(tokenizer_folder)
    end_of_text = end_of_text_id(tokenizer, tokenizer_folder)
    table = read_parquet(documents)
    order = np.random.Generator(np.random.PCG64(SHUFFLE_SEED)).permutation(table.num_rows)
    texts = table.column("text").to_pylist()
    sources = table.column("source").to_pylist()
    counts = {source: {"documents": 0, "characters": 0, "tokens": 0} for source in sources}
    written = 0
    with replacing(tokens) as temporary, temporary.open("wb") as file:
        for start in range(0, len(order), 1024):
            if limit is not None and written >= limit:
                break
            batch = order[start : start + 1024]
            encodings = tokenizer.encode_batch_fast([texts[i] for i in batch])
            for i, length in zip(
                batch, append_documents(file, encodings, end_of_text), strict=True
            ):
                written += length
                count = counts[sources[i]]
                count["documents"] += 1
                count["characters"] += len(texts[i])
                count["tokens"] += length
        file.flush()
        write_json(
            manifest,
            {
                "tokens": written,
                "sources": counts,
                "origins": [describe_source(source) for source in counts],
                "dtype": "uint16",
                "sha256": sha256_of(temporary),
                "tokenizer_sha256": sha256_of(tokenizer_folder / "tokenizer.json"),
                "vocabulary": tokenizer.get_vocab_size(),
                "end_of_text_id": end_of_text,
            },
        )
