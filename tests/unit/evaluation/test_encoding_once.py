"""Texts are encoded as the harness encodes them, and once for each tokenizer."""

from pathlib import Path

import pytest
from lm_eval.models.huggingface import HFLM
from tokenizers import Tokenizer
from tokenizers.models import WordLevel
from tokenizers.pre_tokenizers import Whitespace
from transformers import AutoModelForCausalLM, AutoTokenizer, PreTrainedTokenizerFast

from disentangle.evaluation.encoding_once import EncodingOnce, Encodings

TEXTS = ["The sun is a star.", "x = y + 1\n", "", " a", "<|endoftext|>x"]


def test_tokens_are_the_harness_own(trained_run: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = trained_run / "step16"
    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    harness = HFLM(pretrained=model, tokenizer=tokenizer)
    settings = [(None, None), (True, None), (False, None), (None, 3)]
    expected = {(t, s): harness.tok_encode(t, *s) for t in TEXTS for s in settings}
    assert len({str(tokens) for tokens in expected.values()}) > len(TEXTS)
    kept: Encodings = {}
    for first in (True, False):
        # another checkpoint of the run, with a tokenizer of its own
        again = AutoTokenizer.from_pretrained(folder)
        lm = EncodingOnce(kept, pretrained=model, tokenizer=again)
        if not first:
            monkeypatch.setattr(HFLM, "tok_encode", None)
        for (text, setting), tokens in expected.items():
            found = lm.tok_encode(text, *setting)
            assert found == tokens
            found.append(-1)  # a caller's change of it changes nothing
        assert len(kept) == len(expected)


def test_tokenizers_share_nothing(trained_run: Path) -> None:
    folder = trained_run / "step16"
    model = AutoModelForCausalLM.from_pretrained(folder)
    words = Tokenizer(WordLevel({"sun": 0, "star": 1, "<unk>": 2}, unk_token="<unk>"))
    words.pre_tokenizer = Whitespace()
    other = PreTrainedTokenizerFast(tokenizer_object=words, eos_token="star", pad_token="star")
    kept: Encodings = {}
    tokens = [
        EncodingOnce(kept, pretrained=model, tokenizer=tokenizer).tok_encode("sun star")
        for tokenizer in (AutoTokenizer.from_pretrained(folder), other)
    ]
    assert tokens[1] == [0, 1] != tokens[0]
