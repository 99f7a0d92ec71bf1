"""Token memmaps as OLMo's trainer reads them: raw uint16, documents end to end."""

from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from disentangle.corpus.tokenizer import END_OF_TEXT_ID, load_tokenizer
from disentangle.storage import replacing, sha256_of, write_json

SHUFFLE_SEED = 20260222
"""Order of documents in the memmap; fixed, since a run's own seed shuffles its sequences."""


def write_tokens(
    documents: Path, tokenizer_folder: Path, limit: int | None, tokens: Path, manifest: Path
) -> None:
    """Tokenise training documents in a shuffled order, an end-of-text token after each.

    The shuffle mixes the sources, so that a sequence is not from one source only and the last,
    incomplete sequence of the file is not always from the same one.

    Args:
        documents: parquet with columns source and text.
        tokenizer_folder: what `save_tokenizer` wrote.
        limit: stop after the batch of documents that reaches this many tokens; None for all.
        tokens: the memmap to write, raw little-endian uint16 without a header.
        manifest: JSON with counts per source and the SHA-256 of the memmap.
    """
    tokenizer = load_tokenizer(tokenizer_folder)
    table = pq.read_table(documents)
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
            for i, encoding in zip(batch, encodings, strict=True):
                ids = np.array([*encoding.ids, END_OF_TEXT_ID], dtype="<u2")
                ids.tofile(file)
                written += len(ids)
                count = counts[sources[i]]
                count["documents"] += 1
                count["characters"] += len(texts[i])
                count["tokens"] += len(ids)
        file.flush()
        write_json(
            manifest,
            {
                "tokens": written,
                "sources": counts,
                "dtype": "uint16",
                "sha256": sha256_of(temporary),
                "tokenizer_sha256": sha256_of(tokenizer_folder / "tokenizer.json"),
                "vocabulary": tokenizer.get_vocab_size(),
                "end_of_text_id": END_OF_TEXT_ID,
            },
        )
