"""Byte-level BPE of the training documents."""

from pathlib import Path

from disentangle.corpus.documents import read_texts
from disentangle.corpus.tokenizer import save_tokenizer, train_tokenizer
from disentangle.job import job
from disentangle.study.specs.text import TrainTokenizer

with job("train_tokenizer", snakemake):
    spec = TrainTokenizer.read(snakemake.input.spec)
    texts = read_texts(Path(snakemake.input.documents))
    tokenizer = train_tokenizer(texts, spec.vocab_size)
    folder = Path(snakemake.output.tokenizer).parent
    save_tokenizer(tokenizer, folder, spec.max_length)
